// Bundles the page into the package. The same sources give the same bytes, so a test can check that the committed bundle is up to date.
import { build } from "esbuild";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const target = process.argv[2] ?? join(here, "../service/etapa/page/bundle");
const bundled = ["preact", "d3-scale", "d3-shape", "d3-array", "d3-color", "d3-format", "d3-interpolate", "d3-path", "d3-time", "d3-time-format", "internmap"];

await build({
  absWorkingDir: here,
  entryPoints: { map: "src/main.tsx" },
  outdir: target,
  bundle: true,
  minify: true,
  format: "iife",
  target: "es2022",
  jsx: "automatic",
  jsxImportSource: "preact",
  legalComments: "none",
  logLevel: "warning",
});
await build({ absWorkingDir: here, entryPoints: { map: "src/map.css" }, outdir: target, bundle: true, minify: true, target: "es2022", logLevel: "warning" });

const licences = bundled.map((name) => {
  const folder = join(here, "node_modules", name);
  const { version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  return `${name} ${version} (${license})\n\n${readFileSync(join(folder, "LICENSE"), "utf8").trim()}\n`;
});
writeFileSync(join(target, "LICENSES.txt"), `map.js holds these packages:\n\n${licences.join("\n---\n\n")}`);
