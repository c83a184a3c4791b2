// Copies the dashboard's scripts and its font from node_modules into the package, with their licences and a manifest of hashes.
// Way in: `npm ci --ignore-scripts && npm run vendor` in this folder. Users never need node: the result is committed.
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const HERE = dirname(fileURLToPath(import.meta.url));
const TARGET = join(HERE, "../../src/bot/api/static/vendor");

// `inside` names packages that a bundle carries within itself, so that their licences travel too.
const PACKAGES = [
  {
    name: "lightweight-charts",
    files: ["dist/lightweight-charts.standalone.production.js"],
    licence: "LICENSE",
    notice: "TradingView Lightweight Charts™\nCopyright (c) 2026 TradingView, Inc. https://www.tradingview.com/\n",
    inside: [{ name: "fancy-canvas" }],
  },
  { name: "uplot", files: ["dist/uPlot.iife.min.js", "dist/uPlot.min.css"], licence: "LICENSE" },
  {
    name: "chart.js",
    files: ["dist/chart.umd.min.js"],
    licence: "LICENSE.md",
    inside: [{ name: "@kurkle/color", licence: "LICENSE.md" }],
  },
  { name: "@fontsource-variable/inter", files: ["files/inter-latin-wght-normal.woff2"], licence: "LICENSE" },
];

const read = (name, file) => readFileSync(join(HERE, "node_modules", name, file));
const about = (name) => JSON.parse(read(name, "package.json"));
const sha256 = (file) => createHash("sha256").update(readFileSync(join(TARGET, file))).digest("hex");

rmSync(TARGET, { recursive: true, force: true });
mkdirSync(TARGET, { recursive: true });

const manifest = PACKAGES.map(({ name, files, licence, notice, inside = [] }) => {
  const { version, license } = about(name);
  const kept = files.map((file) => file.split("/").pop());
  files.forEach((file, at) => copyFileSync(join(HERE, "node_modules", name, file), join(TARGET, kept[at])));

  const parts = [`${name} ${version} (${license})\n\n${notice ? `${notice}\n` : ""}${read(name, licence)}`];
  for (const part of inside) {
    const { version, license, author } = about(part.name);
    const text = part.licence ? read(part.name, part.licence) : `${license} licence, by ${author}\n`;
    parts.push(`Contains ${part.name} ${version} (${license})\n\n${text}`);
  }
  const licenceFile = `${name.split("/").pop()}.LICENSE.txt`;
  writeFileSync(join(TARGET, licenceFile), parts.join(`\n${"-".repeat(78)}\n\n`));

  const hashes = Object.fromEntries([...kept, licenceFile].map((file) => [file, sha256(file)]));
  return { name, version, licence: license, sha256: hashes };
});

writeFileSync(join(TARGET, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`);
console.log(`${manifest.length} packages in ${TARGET}`);
