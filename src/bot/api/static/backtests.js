// Backtests that were kept: the server wrote the table; times go to the reader's own zone.

import { moment, utc } from "./format.js";

/** Give every time on the page as the reader's clock shows it. */
export function start() {
  for (const time of document.querySelectorAll("time[data-ms]")) {
    time.textContent = moment(Number(time.dataset.ms));
    time.title = utc(Number(time.dataset.ms));
  }
}
