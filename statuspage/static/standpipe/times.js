// Owns how instants are read: turns every <time datetime> (UTC) into the reader's own zone, UTC kept in the title.
const SHAPES = {
  clock: { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" },
  day: { weekday: "short", day: "numeric", month: "short", year: "numeric" },
  moment: { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" },
};
// The pages are English: a reader of another language gets English dates in day-month order.
const LOCALE = navigator.language.startsWith("en") ? navigator.language : "en-GB";
const FORMATS = Object.fromEntries(
  Object.entries(SHAPES).map(([name, shape]) => [name, new Intl.DateTimeFormat(LOCALE, shape)]),
);
const YEARLY = new Intl.DateTimeFormat(LOCALE, { ...SHAPES.moment, year: "numeric" });
const REFRESH_MS = 5_000;

/** A duration in words, at most two units: "4 h 2 min". */
export function inWords(seconds) {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s`;
  const minutes = Math.floor(s / 60);
  if (minutes < 10) return s % 60 ? `${minutes} min ${s % 60} s` : `${minutes} min`;
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
  const days = Math.floor(hours / 24);
  return hours % 24 && days < 7 ? `${days} d ${hours % 24} h` : `${days} d`;
}

function ago(at, now) {
  const seconds = (now - at) / 1000;
  if (Math.abs(seconds) < 1) return "now";
  return seconds < 0 ? `in ${inWords(-seconds)}` : `${inWords(seconds)} ago`;
}

function write(element, now) {
  const at = new Date(element.dateTime);
  if (Number.isNaN(at.getTime())) return;
  const shape = element.dataset.show ?? "moment";
  element.title ||= `${at.toISOString().slice(0, 19).replace("T", " ")} UTC`;
  if (shape === "ago") element.textContent = ago(at, now);
  else if (shape === "due") element.textContent = at > now ? ago(at, now) : "due";
  else if (shape === "for") element.textContent = inWords((now - at) / 1000);
  else if (shape === "moment" && at.getFullYear() !== now.getFullYear()) element.textContent = YEARLY.format(at);
  else element.textContent = (FORMATS[shape] ?? FORMATS.moment).format(at);
}

/** Localise every <time> under `root`; call it after adding markup by hand (htmx swaps are seen to). */
export function localise(root = document) {
  const now = new Date();
  for (const element of root.querySelectorAll("time[datetime]")) write(element, now);
}

function refresh() {
  const now = new Date();
  for (const element of document.querySelectorAll('time:is([data-show="ago"], [data-show="due"], [data-show="for"])')) write(element, now);
}

localise();
document.addEventListener("htmx:afterSettle", (event) => localise(event.target.parentNode ?? document));
setInterval(refresh, REFRESH_MS);
