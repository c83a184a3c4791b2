// Candles with this strategy's buys and sells (lightweight-charts; its attribution logo stays on).

import { dayOf, moment, price, priceDecimals, quantity, timeOfDay } from "./format.js";
import { colours, faint, onTheme } from "./theme-colours.js";

/** Draws candles, markers of fills and the line of the average entry. */
export class PriceChart {
  #candles = [];
  #fills = [];
  #entry = null;
  #entryLine = null;
  #byTime = new Map();
  #shown = false;

  constructor(box, note) {
    this.box = box;
    this.note = note;
    const L = LightweightCharts;
    this.chart = L.createChart(box, { autoSize: true, ...this.#look() });
    this.series = this.chart.addSeries(L.CandlestickSeries, this.#candleLook());
    this.volume = this.chart.addSeries(L.HistogramSeries, { priceScaleId: "volume", priceFormat: { type: "volume" }, lastValueVisible: false, priceLineVisible: false });
    this.chart.priceScale("volume").applyOptions({ scaleMargins: { top: 0.84, bottom: 0 } });
    this.markers = L.createSeriesMarkers(this.series, []);
    this.chart.subscribeCrosshairMove((at) => this.#tell(at.time));
    onTheme(() => this.#repaint());
  }

  /** Show candles of the API, oldest first. Keeps the place where the person is looking. */
  showCandles(candles) {
    const { up, down } = colours();
    this.#candles = candles.map((c) => ({ time: c.time_ms / 1000, open: c.open, high: c.high, low: c.low, close: c.close, volume: c.volume }));
    if (!this.#candles.length) return;
    const decimals = priceDecimals(this.#candles.at(-1).close);
    this.series.applyOptions({ priceFormat: { type: "price", precision: decimals, minMove: 10 ** -decimals } });
    this.series.setData(this.#candles);
    this.volume.setData(this.#candles.map((c) => ({ time: c.time, value: c.volume, color: faint(c.close >= c.open ? up : down, 0.28) })));
    this.#mark();
    if (!this.#shown) {
      this.#shown = true;
      this.chart.timeScale().setVisibleLogicalRange({ from: Math.max(0, this.#candles.length - 180), to: this.#candles.length + 4 });
    }
    this.#tell();
  }

  /** Show fills of the API as arrows on the candles they fell into. */
  showFills(fills) {
    this.#fills = fills;
    this.#mark();
  }

  /** Draw the average entry price of the open position; null removes it. */
  showEntry(value) {
    if (value === this.#entry) return;
    this.#entry = value;
    if (this.#entryLine) this.series.removePriceLine(this.#entryLine);
    this.#entryLine = value === null ? null : this.series.createPriceLine({ price: value, color: colours().accent, lineWidth: 1, lineStyle: 2, title: "entry" });
  }

  #mark() {
    if (!this.#candles.length) return;
    const { up, down } = colours();
    this.#byTime = new Map();
    for (const fill of this.#fills) {
      const time = this.#candleAt(fill.time_ms / 1000);
      if (time === null) continue;
      this.#byTime.set(time, [...(this.#byTime.get(time) ?? []), fill]);
    }
    const markers = [...this.#byTime].sort(([a], [b]) => a - b).flatMap(([time, fills]) =>
      // Several fills of one side in one candle make one arrow.
      [...new Set(fills.map((fill) => fill.side))].map((side) =>
        side === "BUY"
          ? { time, position: "belowBar", shape: "arrowUp", color: up, size: 1.2, id: `${time}B` }
          : { time, position: "aboveBar", shape: "arrowDown", color: down, size: 1.2, id: `${time}S` },
      ),
    );
    this.markers.setMarkers(markers);
    this.box.dataset.markers = markers.length;
  }

  /** Open time of the candle that a moment falls into, or null when it is older than the chart. */
  #candleAt(seconds) {
    let [low, high] = [0, this.#candles.length - 1];
    if (seconds < this.#candles[0].time) return null;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#candles[middle].time <= seconds) low = middle;
      else high = middle - 1;
    }
    return this.#candles[low].time;
  }

  #tell(time) {
    const candle = (time && this.#candles.find((c) => c.time === time)) ?? this.#candles.at(-1);
    if (!candle) return;
    const [o, h, l, c] = [candle.open, candle.high, candle.low, candle.close].map(price);
    const fills = (this.#byTime.get(candle.time) ?? []).map((f) => ` · ${f.side} ${quantity(f.qty)} @ ${price(f.price)} ${f.reason}`);
    this.note.textContent = `O ${o}  H ${h}  L ${l}  C ${c}${time ? fills.join("") : ""}`;
  }

  #look() {
    const { muted, line, panel } = colours();
    return {
      layout: { background: { color: panel }, textColor: muted, fontSize: 11, fontFamily: getComputedStyle(document.body).fontFamily, attributionLogo: true },
      grid: { vertLines: { color: faint(line, 0.6) }, horzLines: { color: faint(line, 0.6) } },
      rightPriceScale: { borderColor: line, scaleMargins: { top: 0.08, bottom: 0.2 } },
      timeScale: { borderColor: line, timeVisible: true, secondsVisible: false, rightOffset: 4, tickMarkFormatter: tick },
      crosshair: { mode: LightweightCharts.CrosshairMode.Normal },
      // The library thinks in UTC; people read their own zone.
      localization: { timeFormatter: (seconds) => moment(seconds * 1000), priceFormatter: price },
    };
  }

  #candleLook() {
    const { up, down } = colours();
    return { upColor: up, downColor: down, wickUpColor: up, wickDownColor: down, borderVisible: false };
  }

  #repaint() {
    this.chart.applyOptions(this.#look());
    this.series.applyOptions(this.#candleLook());
    this.showCandles(this.#candles.map((c) => ({ ...c, time_ms: c.time * 1000 })));
  }
}

function tick(seconds, kind) {
  const { DayOfMonth } = LightweightCharts.TickMarkType;
  return kind <= DayOfMonth ? dayOf(seconds * 1000) : timeOfDay(seconds * 1000).slice(0, 5);
}
