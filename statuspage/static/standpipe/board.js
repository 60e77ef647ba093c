// Owns the board's liveness: live frames by websocket, htmx polling while there is none, and saying which, or since when stale.
import { renew } from "./fresh.js";
import { inWords } from "./times.js";

const SILENT_AFTER_MS = 4_000; // the server speaks every 2 s
const POLL_EVERY_MS = 10_000;
const FIRST_POLL_AFTER_MS = 2_000; // without a socket
const FIRST_PAUSE_MS = 300;
const LONGEST_PAUSE_MS = 10_000;
const SESSION_ENDED = 4401;

const board = document.getElementById("board");
const live = document.getElementById("live");
const word = document.getElementById("live-word");
const drawer = document.getElementById("drawer");
const drawerBody = document.getElementById("drawer-body");
const age = document.getElementById("live-age");
const clock = new Intl.DateTimeFormat(document.documentElement.lang, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });

const shown = new Map();
let socket = null;
let pauseMs = FIRST_PAUSE_MS;
let polledAt = Date.now() - POLL_EVERY_MS + FIRST_POLL_AFTER_MS;
let freshAt = new Date(document.getElementById("board-stamp").dataset.at);
let heardAt = Date.now();

function say(mode, text) {
  live.className = `live ${mode}`;
  board.classList.toggle("is-stale", mode === "stale");
  if (word.textContent !== text) word.textContent = text;
  if (mode === "stale") age.textContent = "";
}

function sinceWords(seconds) {
  return seconds < 10 ? `${Math.max(0, seconds).toFixed(1)} s` : inWords(seconds);
}

function stale(since, reason) {
  say("stale", `stale since ${clock.format(since)}${reason ? ` · ${reason}` : ""}`);
}

/** Replace a fragment's content where it changed, and its twin's in the open drawer. */
function place(id, html) {
  const element = document.getElementById(id);
  if (!element) return false;
  if (shown.get(id) === html) return true;
  shown.set(id, html);
  renew(element, html);
  const twin = drawer.querySelector(`[data-twin="${CSS.escape(id)}"]`);
  if (twin) renew(twin, html);
  return true;
}

function poll() {
  polledAt = Date.now();
  window.htmx?.trigger(board, "board-poll");
}

function receive(event) {
  heardAt = Date.now();
  const frame = JSON.parse(event.data);
  if (frame.type === "stale") return stale(new Date(frame.since), frame.reason);
  freshAt = new Date(frame.at);
  say("live-now", "live");
  const isWhole = Object.entries(frame.html ?? {}).map(([id, html]) => place(id, html)).every(Boolean);
  const cards = document.getElementById("board-stamp")?.dataset.cards;
  // What is watched has changed, not only its figures: ask for the page's content anew.
  if ((!isWhole || (frame.cards && frame.cards.join(" ") !== cards)) && Date.now() - polledAt > 1_000) poll();
}

function connect() {
  const opened = new WebSocket(board.dataset.socket);
  socket = opened;
  heardAt = Date.now();
  opened.addEventListener("open", () => { heardAt = Date.now(); });
  opened.addEventListener("message", (event) => { pauseMs = FIRST_PAUSE_MS; receive(event); });
  opened.addEventListener("close", (event) => {
    if (event.code === SESSION_ENDED) return location.reload();
    if (socket !== opened) return;
    socket = null;
    if (!live.classList.contains("polling")) stale(freshAt, "no connection");
    // Every board lost the same server at the same moment: they must not come back at the same moment.
    setTimeout(connect, pauseMs * (0.5 + Math.random() / 2));
    pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2);
  });
}

function watch() {
  const now = Date.now();
  if (socket && now - heardAt > SILENT_AFTER_MS) {
    stale(freshAt, "no connection");
    socket.close();
  }
  const isLive = live.classList.contains("live-now");
  if (!isLive && now - polledAt > POLL_EVERY_MS) poll();
  if (!live.classList.contains("stale")) age.textContent = `, ${sinceWords((now - freshAt) / 1000)} ago`;
}

board.addEventListener("htmx:beforeSwap", (event) => {
  // Signed out: the answer is the sign-in page, which belongs into the window and not into the board.
  if (event.target === board && new URL(event.detail.xhr.responseURL).pathname !== location.pathname) {
    event.detail.shouldSwap = false;
    location.reload();
  }
});
board.addEventListener("htmx:afterSettle", (event) => {
  if (event.target !== board) return;
  shown.clear();
  const stamp = document.getElementById("board-stamp").dataset;
  freshAt = new Date(stamp.at);
  if (stamp.reason) stale(new Date(stamp.stale || stamp.at), stamp.reason);
  else if (!live.classList.contains("live-now")) say("polling", "polling every 10 s");
});
board.addEventListener("htmx:sendError", () => stale(freshAt, "no connection"));
board.addEventListener("htmx:responseError", (event) => stale(freshAt, `the server answers ${event.detail.xhr.status}`));

// An answer that comes after the drawer was closed finds it empty, and does not open it again.
drawer.addEventListener("htmx:afterSettle", () => { if (!drawer.open && drawerBody.hasChildNodes()) drawer.showModal(); });
drawer.addEventListener("close", () => drawerBody.replaceChildren());

connect();
setInterval(watch, 500);
