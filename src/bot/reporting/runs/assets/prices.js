"use strict";
// Candles with every entry and exit (lightweight-charts; its attribution logo stays on). Times are UTC.

const MARKS_MOST = 260;

class Prices {
  #which = 0;
  #chosen = -1;
  decimals = 2;

  constructor({ candles, trades }) {
    this.candles = candles;
    this.trades = trades;
    const L = LightweightCharts;
    this.chart = L.createChart(element("prices"), { autoSize: true, ...this.#look() });
    this.series = this.chart.addSeries(L.CandlestickSeries, this.#candleLook());
    this.marks = L.createSeriesMarkers(this.series, []);
    this.chart.timeScale().subscribeVisibleLogicalRangeChange(() => this.#mark());
    this.chart.subscribeCrosshairMove((at) => this.#tell(at.time));
    onTheme(() => {
      this.chart.applyOptions(this.#look());
      this.series.applyOptions(this.#candleLook());
      this.#mark();
    });
    this.load(0);
  }

  /** Show the candles of one part of the run. */
  load(which) {
    const { time, open, high, low, close } = this.candles[which];
    this.#which = which;
    this.own = this.trades.opened.flatMap((_opened, at) => (this.trades.part[at] === which ? [at] : []));
    const decimals = this.decimals = Math.max(...close.slice(0, 200).map((value) => `${value}`.split(".")[1]?.length ?? 0));
    this.series.applyOptions({ priceFormat: { type: "price", precision: decimals, minMove: 10 ** -decimals } });
    this.series.setData(time.map((each, at) => ({ time: each, open: open[at], high: high[at], low: low[at], close: close[at] })));
    this.all();
  }

  /** Show all of the time. */
  all() {
    this.chart.timeScale().fitContent();
    this.#chosen = -1;
  }

  /** Show a round trip (its place in the list) with some candles around it. */
  go(at) {
    if (this.trades.part[at] !== this.#which) {
      this.load(this.trades.part[at]);
      if (element("which")) element("which").value = this.trades.part[at];
    }
    this.#chosen = at;
    const [from, to] = [this.#row(this.trades.opened[at]), this.#row(this.trades.closed[at])];
    const around = Math.max(30, (to - from) * 0.6);
    this.chart.timeScale().setVisibleLogicalRange({ from: Math.max(-4, from - around), to: to + around });
    this.#mark();
    this.#tell();
  }

  /** Go to the round trip before or after the one shown. */
  step(by) {
    const place = this.own.indexOf(this.#chosen);
    const next = place < 0 ? (by > 0 ? 0 : this.own.length - 1) : place + by;
    if (next >= 0 && next < this.own.length) this.go(this.own[next]);
  }

  /** Row of the candle into which a moment falls. */
  #row(seconds) {
    const times = this.candles[this.#which].time;
    let [low, high] = [0, times.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (times[middle] <= seconds) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** Put marks on the trades in sight, once they are few enough to be told apart. */
  #mark() {
    const range = this.chart.timeScale().getVisibleLogicalRange();
    if (!range) return;
    const { time, own, interval, still } = this.candles[this.#which];
    const clamp = (row) => Math.max(0, Math.min(time.length - 1, Math.round(row)));
    const last = clamp(range.to + 1);
    const [from, to] = [time[clamp(range.from - 1)], last + 1 < time.length ? time[last] : Infinity];
    const { opened, closed, entry, exit, long, pnl } = this.trades;
    const seen = this.own.filter((at) => closed[at] >= from && opened[at] <= to);
    const isMarked = seen.length <= MARKS_MOST;
    const [accent, up, down] = [colour("accent"), colour("up"), colour("down")];
    const marks = !isMarked ? [] : seen.flatMap((at) => [
      { time: time[this.#row(opened[at])], position: "atPriceMiddle", price: entry[at], shape: long[at] ? "arrowUp" : "arrowDown", color: accent, size: 0.8 },
      { time: time[this.#row(closed[at])], position: "atPriceMiddle", price: exit[at], shape: "circle", color: pnl[at] > 0 ? up : down, size: at === this.#chosen ? 1.2 : 0.6 },
    ]);
    if (still && still[0] <= to) {
      const [at, price, isLong] = still;
      marks.push({ time: time[this.#row(at)], position: "atPriceMiddle", price, shape: isLong ? "arrowUp" : "arrowDown", color: accent, size: 0.8, text: "still open" });
    }
    this.marks.setMarkers(marks.sort((one, other) => one.time - other.time));
    element("prices").dataset.marks = marks.length;
    const put = own === interval ? "" : `Candles of ${own} put together to ${interval}. `;
    const key = `${put}${seen.length.toLocaleString("en-GB")} round trips in sight`;
    this.words = isMarked ? `${key}: arrows are entries, dots exits.` : `${key}: zoom in (wheel, pinch) to see them.`;
    this.#tell();
  }

  #tell(seconds) {
    const note = element("prices-note");
    if (seconds) {
      const row = this.#row(seconds);
      const { open, high, low, close } = this.candles[this.#which];
      note.textContent = `${moment(seconds)} · O ${plain(open[row])} H ${plain(high[row])} L ${plain(low[row])} C ${plain(close[row])}`;
    } else if (this.#chosen >= 0) {
      const [at, { opened, closed, entry, exit, pnl, reasons, reason }] = [this.#chosen, this.trades];
      note.textContent = `Trade ${at + 1}: ${moment(opened[at])} at ${plain(entry[at])} to ${moment(closed[at])} at ${plain(exit[at])}, ${amount(pnl[at], 4, true)}. ${reasons[reason[at]]}`;
    } else {
      note.textContent = this.words ?? "";
    }
  }

  #look() {
    const [muted, line, panel] = [colour("muted"), colour("line"), colour("panel")];
    return {
      layout: { background: { color: panel }, textColor: muted, fontSize: 11, fontFamily: getComputedStyle(document.body).fontFamily, attributionLogo: true },
      grid: { vertLines: { color: faint(line, 0.6) }, horzLines: { color: faint(line, 0.6) } },
      rightPriceScale: { borderColor: line, scaleMargins: { top: 0.06, bottom: 0.06 } },
      timeScale: { borderColor: line, timeVisible: true, secondsVisible: false, minBarSpacing: 0.05 },
      handleScroll: { vertTouchDrag: false }, // a finger that moves up and down scrolls the page
      crosshair: { mode: LightweightCharts.CrosshairMode.Normal },
      localization: { timeFormatter: moment, priceFormatter: (value) => plain(value, this.decimals) },
    };
  }

  #candleLook() {
    const [up, down] = [colour("up"), colour("down")];
    return { upColor: faint(up, 0.42), downColor: faint(down, 0.42), wickUpColor: faint(up, 0.6), wickDownColor: faint(down, 0.6), borderVisible: false };
  }
}

const prices = new Prices(told("run"));
element("all").addEventListener("click", () => prices.all());
element("earlier").addEventListener("click", () => prices.step(-1));
element("later").addEventListener("click", () => prices.step(1));
element("which")?.addEventListener("change", (event) => prices.load(Number(event.currentTarget.value)));
