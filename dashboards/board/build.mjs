// Builds src/ into built/. `--check`: only says whether built/ belongs to the sources as they are.
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync, copyFileSync } from "node:fs";

const inputs = ["package.json", "package-lock.json", "build.mjs", ...readdirSync("src").sort().map((n) => `src/${n}`)];
const hash = createHash("sha256");
for (const name of inputs) hash.update(name).update("\0").update(readFileSync(name)).update("\0");
const digest = hash.digest("hex");

if (process.argv.includes("--check")) {
  const same = readFileSync("built/SOURCES", "utf8").trim() === digest;
  console.log(same ? "built/ belongs to the sources" : "built/ is not of these sources: run `npm ci && npm run build`");
  process.exit(same ? 0 : 1);
}

const { build } = await import("esbuild");
mkdirSync("built", { recursive: true });
await build({
  entryPoints: ["src/board.tsx"], outfile: "built/board.js", bundle: true, minify: true, format: "esm",
  target: "es2022", jsx: "automatic", jsxImportSource: "preact", legalComments: "none", charset: "ascii",
});
for (const name of ["index.html", "icon.svg"]) copyFileSync(`src/${name}`, `built/${name}`);
const kept = ["preact", "uplot", "eventsource-parser"].map((name) => {
  const { version } = JSON.parse(readFileSync(`node_modules/${name}/package.json`, "utf8"));
  return `${name} ${version}\n\n${readFileSync(`node_modules/${name}/LICENSE`, "utf8").trim()}\n`;
});
writeFileSync("built/LICENSES.txt", `board.js and board.css contain:\n\n${kept.join("\n\n")}`);
writeFileSync("built/SOURCES", `${digest}\n`);
