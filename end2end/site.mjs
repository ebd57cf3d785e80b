// Packs what the browser loads into target/site, from where the program embeds it:
//
//   node site.mjs build --wasm FILE --wasm-bindgen PROGRAM --wasm-split PROGRAM
//   node site.mjs sizes      say what a first visit loads
//   node site.mjs budgets    the same, and fail when it is more than agreed
//
// Script, WebAssembly and style sheet are in pkg/ under names that contain their digest, so that browsers keep them for
// ever; beside every file that gains by it are its Brotli and gzip forms. manifest.json names them.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, extname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import binaryen from "binaryen";
import * as esbuild from "esbuild";
import { Marked } from "marked";
import { USED, joinParts } from "./support/parts.mjs";

const HERE = dirname(fileURLToPath(import.meta.url));
const ROOT = resolve(HERE, "..");
const SITE = join(ROOT, "target/site");
const PACKED = join(ROOT, "target/wasm/packed");
const NAME = "latchkey";
/** The script with which the first part of the WebAssembly loads the later one. */
const LOADER = "__wasm_split.js";
/** Which files each part has. */
const PARTS = "parts.json";

/** Bytes that a first visit may load, Brotli-compressed. */
const BUDGETS = { wasm: 300 * 1024, css: 20 * 1024, js: 20 * 1024 };
/** Bytes of all that with one of the parts, which are loaded with the first of their pages: that of prompts has the most. */
const WHOLE = 440 * 1024;
const LARGER = { texts: 475 * 1024 };
/** Files of a part: each is fetched, compiled and linked by itself. */
const FILES = 26;
/** Forms that are compressed already gain nothing by it. */
const COMPRESSED = new Set([".png", ".jpg", ".webp", ".avif", ".ico", ".woff2"]);

const digest = (...parts) => {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest("hex").slice(0, 16);
};

const brotli = (bytes) =>
  brotliCompressSync(bytes, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: 11,
      [constants.BROTLI_PARAM_LGWIN]: 24,
      [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
    },
  });

/** A file with its compressed forms, by name. */
function forms(name, bytes) {
  const files = [[name, bytes]];
  if (!COMPRESSED.has(extname(name))) {
    files.push([`${name}.br`, brotli(bytes)], [`${name}.gz`, gzipSync(bytes, { level: 9 })]);
  }
  return files.filter(([form, packed]) => form === name || packed.length < bytes.length);
}

/** All files below a folder, as paths relative to it. */
function filesBelow(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.startsWith("."))
    .map((entry) => relative(folder, join(entry.parentPath ?? entry.path, entry.name)))
    .sort();
}

/** Makes `folder` hold exactly `files`. What is right already is left alone: a changed time would rebuild the program. */
function write(folder, files) {
  const wanted = new Map(files);
  for (const name of filesBelow(folder)) if (!wanted.has(name)) rmSync(join(folder, name));
  for (const [name, bytes] of wanted) {
    const path = join(folder, name);
    if (existsSync(path) && readFileSync(path).equals(Buffer.from(bytes))) continue;
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, bytes);
  }
}

/** Code that no page ever runs, but that the linker must keep since tables of functions name it. */
const NEVER_RUN = [
  // Templates are used where nothing was rendered by a server.
  /hydrate_from_template|to_template/,
  // A page comes to life once its part is there, and so has nothing to wait for. The function itself, in both ways in which
  // its name may be written: functions inside it may be one with those of what runs.
  /::hydrate_async(::\{\{closure\}\})*::h[0-9a-f]{16}$/,
  /13hydrate_async(28_\$u7b\$\$u7b\$closure\$u7d\$\$u7d\$)*17h[0-9a-f]{16}E$/,
];
/**
 * What makes the WebAssembly small once it is compressed, and quick to start. Browsers compile each function when it is first
 * called, and a page calls thousands of them once: what has a single caller becomes part of it, unless it is large. More
 * inlining would make compiled generics differ, which resemble one another and so compress well.
 */
const PASSES = [
  ...["remove-unused-module-elements", "dae-optimizing", "duplicate-function-elimination", "vacuum"],
  ...["remove-unused-module-elements", "duplicate-function-elimination"],
  // Puts instances of one generic function beside each other.
  "reorder-functions-by-name",
  ...["inlining-optimizing", "strip-debug", "strip-producers"],
];
binaryen.setOneCallerInlineMaxSize(64);
binaryen.setAlwaysInlineMaxSize(3);
binaryen.setFlexibleInlineMaxSize(0);

/** The WebAssembly without what is never run. If it were called after all, the page would stop with an error. */
function trim(bytes, exports = []) {
  binaryen.setDebugInfo(true);
  const module = binaryen.readBinary(bytes);
  module.setFeatures(USED);
  for (const name of exports) module.removeExport(name);
  for (let index = 0; index < module.getNumFunctions(); index++) {
    const target = module.getFunctionByIndex(index);
    const { name, module: isImported } = binaryen.getFunctionInfo(target);
    if (!isImported && NEVER_RUN.some((pattern) => pattern.test(name))) {
      binaryen.Function.setBody(target, module.unreachable());
    }
  }
  module.runPasses(PASSES);
  binaryen.setDebugInfo(false);
  const trimmed = Buffer.from(module.emitBinary());
  module.dispose();
  return trimmed;
}

/** The trimmed WebAssembly and its script, which take a while and so are kept until an input changes. */
function packWasm(wasm, wasmBindgen, wasmSplit) {
  const stampFile = join(PACKED, "stamp");
  const stamp = digest(
    readFileSync(wasm),
    execFileSync(wasmBindgen, ["--version"]),
    readFileSync(wasmSplit),
    readFileSync(join(HERE, "package-lock.json")),
    readFileSync(fileURLToPath(import.meta.url)),
    readFileSync(join(HERE, "support/parts.mjs")),
  );
  if (existsSync(stampFile) && readFileSync(stampFile, "utf8") === stamp) return;

  rmSync(PACKED, { recursive: true, force: true });
  const raw = join(PACKED, "raw");
  mkdirSync(raw, { recursive: true });
  const split = join(raw, "split");
  execFileSync(wasmSplit, [wasm, split, "--out-name", NAME], { stdio: ["ignore", "ignore", "inherit"] });
  execFileSync(
    wasmBindgen,
    // Without all its exports the later part would find nothing of the first.
    ["--target", "web", "--no-typescript", "--keep-lld-exports", "--out-name", NAME, "--out-dir", raw].concat(
      join(split, `${NAME}.wasm`),
    ),
    { stdio: "inherit" },
  );
  const { files, exports } = joinParts(split, LOADER, `${NAME}.js`);
  copyFileSync(join(split, LOADER), join(raw, LOADER));
  const bytes = trim(readFileSync(join(raw, `${NAME}_bg.wasm`)));
  const wasmName = `${NAME}.${digest(bytes)}.wasm`;
  const parts = files.map(({ name, bytes: untrimmed }) => {
    const part = trim(untrimmed, exports);
    return { name: `./${name}`, bytes: part, packed: name.replace(/\.wasm$/, `.${digest(part)}.wasm`) };
  });
  // What a page calls by itself: the program, and what asks for a part of it ahead.
  const entry = join(raw, "entry.js");
  writeFileSync(entry, `export * from "./${NAME}.js"; export { default } from "./${NAME}.js"; export { ahead } from "./${LOADER}";`);
  const script = esbuild.buildSync({
    entryPoints: [entry],
    bundle: true,
    format: "esm",
    minify: true,
    target: "es2022",
    write: false,
    // Every part names the one loader.
    logOverride: { "duplicate-object-key": "silent" },
  }).outputFiles[0].text;
  // The script finds its WebAssembly by itself, under the names that this very build has.
  let named = script;
  for (const [name, packed] of [[`${NAME}_bg.wasm`, wasmName], ...parts.map(({ name, packed }) => [name, `./${packed}`])]) {
    if (!named.includes(name)) throw new Error(`the script no longer names ${name}`);
    named = named.replaceAll(name, packed);
  }
  const bound = Buffer.from(named);
  const needed = (part) => files.flatMap(({ parts: of }, index) => (of.has(part) ? [parts[index].packed] : []));
  const names = [...new Set(files.flatMap(({ parts: of }) => [...of]))].sort();
  writeFileSync(join(PACKED, PARTS), JSON.stringify(Object.fromEntries(names.map((part) => [part, needed(part)]))));
  write(join(PACKED, "pkg"), [
    ...forms(wasmName, bytes),
    ...parts.flatMap(({ bytes: part, packed }) => forms(packed, part)),
    ...forms(`${NAME}.${digest(bound)}.js`, bound),
  ]);
  rmSync(raw, { recursive: true });
  writeFileSync(stampFile, stamp);
}

/** `style/main.css` with all that it imports, as one minified sheet. */
async function packStyle() {
  // An address such as url(/mark.svg) is this origin's; only what is imported belongs in the sheet.
  const addresses = {
    name: "addresses",
    setup: (build) => build.onResolve({ filter: /^\// }, ({ kind }) => (kind === "url-token" ? { external: true } : undefined)),
  };
  const bundled = await esbuild.build({
    entryPoints: [join(ROOT, "style/main.css")],
    bundle: true,
    minify: true,
    plugins: [addresses],
    loader: { ".svg": "dataurl" },
    target: "esnext",
    write: false,
  });
  // Files of one layer share one block: they follow each other, and every rule is in a layer.
  let layer;
  const sheet = bundled.outputFiles[0].text.replace(/\}?@layer (\w+)\{/g, (start, name) => {
    if (name === layer) return "";
    layer = name;
    return start;
  });
  const bytes = Buffer.from(sheet);
  return forms(`${NAME}.${digest(bytes)}.css`, bytes);
}

/** Text inside HTML. */
const escaped = (text) => text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);

/** What a heading is called in an address, as on GitHub: a number follows where the page has that name already. */
function anchor(text, taken) {
  const own = text.toLowerCase().replace(/<[^>]*>|[^\p{L}\p{N} _-]/gu, "").trim().replaceAll(" ", "-");
  let name = own;
  for (let number = 1; taken.has(name); number++) name = `${own}-${number}`;
  taken.add(name);
  return name;
}

/** The name of a schema beside the documentation. */
const SCHEMA = /^[a-z-]+\.schema\.json$/;

/** What stands in the root of the repository and belongs to the documentation. */
const OF_ROOT = new Map([["SECURITY.md", "security"], ["CHANGELOG.md", "changelog"]]);

/** The address of a page that a link of the documentation leads to, if it is one; the link stands in the root or in docs/. */
function pageOf(href, isOfRoot) {
  const [, above, name, part = ""] = /^(\.\.\/|docs\/)?([A-Za-z-]+\.md)(#.*)?$/.exec(href) ?? [];
  const isInRoot = isOfRoot ? above === undefined : above === "../";
  const page = isInRoot ? OF_ROOT.get(name) : /^([a-z-]+)\.md$/.exec(name ?? "")?.[1];
  return page && `/docs/${page}${part}`;
}

/**
 * The documentation as pages: docs/NAME.md at /docs/NAME, and what it says of the repository as text. Schemas beside it keep
 * their names.
 */
function packDocs(css) {
  const inDocs = readdirSync(join(ROOT, "docs")).filter((name) => name.endsWith(".md"));
  const pages = [
    ...inDocs.map((file) => [join(ROOT, "docs", file), file === "README.md" ? "index" : file.slice(0, -".md".length)]),
    ...[...OF_ROOT].map(([file, name]) => [join(ROOT, file), name]),
  ];
  const marked = new Marked({ gfm: true });
  let taken = new Set();
  let isOfRoot = false;
  marked.use({
    renderer: {
      heading({ tokens, depth }) {
        const words = this.parser.parseInline(tokens);
        return `<h${depth} id="${anchor(words, taken)}">${words}</h${depth}>\n`;
      },
      // A wide table or a long line of code scrolls by itself, by keyboard too.
      table(token) {
        const row = (cells, tag) => `<tr>${cells.map((cell) => `<${tag}>${this.parser.parseInline(cell.tokens)}</${tag}>`).join("")}</tr>`;
        const body = token.rows.map((cells) => row(cells, "td")).join("");
        return `<div class="docs-wide" role="group" aria-label="Table" tabindex="0"><table><thead>${row(token.header, "th")}</thead><tbody>${body}</tbody></table></div>\n`;
      },
      code({ text }) {
        return `<pre class="docs-wide" role="group" aria-label="Code" tabindex="0"><code>${escaped(text)}</code></pre>\n`;
      },
      link({ href, tokens }) {
        const words = this.parser.parseInline(tokens);
        const page = pageOf(href, isOfRoot);
        if (page) return `<a href="${page}">${words}</a>`;
        if (SCHEMA.test(href)) return `<a href="/docs/${href}">${words}</a>`;
        // A file of the repository has no page here.
        return /^(https?:|#)/.test(href) ? `<a href="${escaped(href)}">${words}</a>` : words;
      },
    },
  });
  const schemas = readdirSync(join(ROOT, "docs")).filter((name) => SCHEMA.test(name));
  const documents = pages.map(([file, name]) => {
    const text = readFileSync(file, "utf8");
    taken = new Set();
    isOfRoot = dirname(file) === ROOT;
    const title = /^# (.*)$/m.exec(text)[1];
    const html = `<!DOCTYPE html>
<html lang="en-GB">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escaped(title)} · Latchkey documentation</title>
<link rel="icon" href="/favicon.svg" type="image/svg+xml">
<link rel="stylesheet" href="${css}">
</head>
<body>
<header class="docs-bar"><nav aria-label="Documentation"><a href="/">Latchkey</a>${name === "index" ? "" : ' <a href="/docs">Documentation</a>'}</nav></header>
<main class="docs">
${marked.parse(text)}</main>
</body>
</html>
`;
    return [`docs/${name}.html`, Buffer.from(html)];
  });
  return [...documents, ...schemas.map((name) => [`docs/${name}`, readFileSync(join(ROOT, "docs", name))])];
}

async function build(wasm, wasmBindgen, wasmSplit) {
  packWasm(wasm, wasmBindgen, wasmSplit);
  const pkg = filesBelow(join(PACKED, "pkg")).map((name) => [name, readFileSync(join(PACKED, "pkg", name))]);
  pkg.push(...(await packStyle()));
  const named = (start, extension) =>
    `/pkg/${pkg.find(([name]) => name.startsWith(`${start}.`) && extname(name) === extension)[0]}`;
  const manifest = {
    js: named(NAME, ".js"),
    wasm: named(NAME, ".wasm"),
    css: named(NAME, ".css"),
  };

  const files = pkg.map(([name, bytes]) => [join("pkg", name), bytes]);
  const publicFolder = join(ROOT, "public");
  for (const name of filesBelow(publicFolder)) files.push(...forms(name, readFileSync(join(publicFolder, name))));
  for (const [name, bytes] of packDocs(manifest.css)) files.push(...forms(name, bytes));
  // The digest of everything makes the manifest change with any file, which is what tells rustc to embed anew.
  manifest.site = digest(...files.flat());
  files.push(["manifest.json", Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`)]);
  write(SITE, files);
}

/** Prints the bytes of a first visit; true if all are within budget. A form that would gain nothing is not there. */
function sizes() {
  const manifest = JSON.parse(readFileSync(join(SITE, "manifest.json"), "utf8"));
  const kib = (bytes) => `${(bytes / 1024).toFixed(1).padStart(6)} KiB`;
  const sizeOf = (name) => statSync(join(SITE, name), { throwIfNoEntry: false })?.size;
  let within = true;
  const compressed = (file) => sizeOf(`${file}.br`) ?? sizeOf(file);
  let first = 0;
  for (const [kind, budget] of Object.entries(BUDGETS)) {
    const file = manifest[kind];
    const [raw, gzip, br] = [sizeOf(file), sizeOf(`${file}.gz`) ?? sizeOf(file), compressed(file)];
    const verdict = br <= budget ? "" : "  TOO MUCH";
    within &&= br <= budget;
    first += br;
    console.log(`  ${kind.padEnd(12)} ${kib(br)} of ${kib(budget)} brotli  ${kib(gzip)} gzip  ${kib(raw)} raw${verdict}`);
  }
  for (const [part, files] of Object.entries(JSON.parse(readFileSync(join(PACKED, PARTS), "utf8")))) {
    const own = files.reduce((sum, file) => sum + compressed(join("pkg", file)), 0);
    const budget = LARGER[part] ?? WHOLE;
    const verdict = first + own <= budget && files.length <= FILES ? "" : "  TOO MUCH";
    within &&= verdict === "";
    const told = `${kib(own)} in ${String(files.length).padStart(2)} files, ${kib(first + own)} of ${kib(budget)} in all`;
    console.log(`  ${part.padEnd(12)} ${told}${verdict}`);
  }
  return within;
}

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { wasm: { type: "string" }, "wasm-bindgen": { type: "string" }, "wasm-split": { type: "string" } },
});
switch (positionals[0]) {
  case "build":
    await build(resolve(values.wasm), resolve(values["wasm-bindgen"]), resolve(values["wasm-split"]));
    break;
  case "sizes":
    sizes();
    break;
  case "budgets":
    if (!sizes()) {
      console.error("site.mjs: a first visit loads more than agreed; the budgets stand at the head of this file");
      process.exit(1);
    }
    break;
  default:
    console.error("usage: node site.mjs build --wasm FILE --wasm-bindgen PROGRAM --wasm-split PROGRAM | sizes | budgets");
    process.exit(2);
}
