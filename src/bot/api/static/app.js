// Way in of every page: theme switch, the live stream and its banner, then the page's own module.

import { byId, setText } from "./dom.js";
import { timeOfDay, utc } from "./format.js";
import { Live } from "./live.js";

const LINK = { connecting: "Connecting", live: "Live", lost: "Disconnected" };
const page = document.querySelector("[data-page]");
const live = new Live("/api/v1/events");

byId("theme").addEventListener("click", () => {
  const root = document.documentElement;
  root.dataset.theme = root.dataset.theme === "light" ? "dark" : "light";
  localStorage.setItem("theme", root.dataset.theme);
  dispatchEvent(new Event("themechange"));
});

live.addEventListener("state", ({ detail: { state, heard } }) => {
  const [link, banner] = [byId("link"), byId("banner")];
  link.dataset.state = state;
  setText(link.lastElementChild, LINK[state]);
  banner.hidden = state !== "lost";
  banner.classList.remove("warning");
  banner.textContent = `Disconnected from the server. Figures below are from ${timeOfDay(heard)}; trying again by itself …`;
  banner.title = utc(heard);
});

// Charts draw text on canvases: with the page's own font, when it comes in time.
await Promise.race([document.fonts.load('12px "Inter Variable"'), new Promise((resolve) => setTimeout(resolve, 500))]);
const { start } = await import(`./${page.dataset.page}.js`);
start(live, page);
live.connect();
