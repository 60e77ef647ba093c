// Owns the honesty of pages that ask again by htmx: says since when nothing came, and leaves when signed out.
const SIGN_IN = "/account/login/";

const marks = () => document.querySelectorAll(".live[data-polling]");

function fresh() {
  for (const mark of marks()) {
    mark.classList.remove("stale");
    mark.textContent = mark.dataset.polling;
  }
}

function stale() {
  for (const mark of marks()) {
    if (mark.classList.contains("stale")) continue;
    mark.classList.add("stale");
    mark.textContent = `stale since ${new Date().toLocaleTimeString("en-GB")}: no answer`;
  }
}

document.addEventListener("htmx:sendError", stale);
document.addEventListener("htmx:timeout", stale);
document.addEventListener("htmx:responseError", stale);
document.addEventListener("htmx:beforeSwap", (event) => {
  // A session that ended turns every fragment into the sign-in page: show that page, not a piece of it.
  if (new URL(event.detail.xhr.responseURL).pathname === SIGN_IN) {
    event.detail.shouldSwap = false;
    location.reload();
  } else if (event.detail.xhr.status < 400) {
    fresh();
  }
});
