// Owns the freshness of what is asked for again: only what is new is replaced, and the keyboard stays where it was.
import { localise } from "./times.js";

const served = new WeakMap();

/** Replace what is inside; focus goes back to the element of the same id. */
export function renew(element, html) {
  const focused = element.contains(document.activeElement) ? document.activeElement.id : "";
  element.innerHTML = html;
  localise(element);
  if (focused) document.getElementById(focused)?.focus();
}

document.addEventListener("htmx:afterRequest", (event) => {
  const { elt, successful, xhr } = event.detail;
  if (!successful || !("freshens" in elt.dataset)) return;
  const news = new DOMParser().parseFromString(xhr.responseText, "text/html");
  for (const part of document.querySelectorAll("[data-fresh]")) {
    const html = news.getElementById(part.id)?.innerHTML;
    if (html === undefined || html === served.get(part)) continue;
    served.set(part, html);
    renew(part, html);
    part.dispatchEvent(new Event("renewed", { bubbles: true }));
  }
});
