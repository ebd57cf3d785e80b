// Joins the pieces that the WebAssembly was split into.
//
// The tool that splits it makes a piece of every set of parts that share some functions: hundreds, most of them tiny, of which
// a page would fetch, compile and link two hundred one by one. Pieces are alike in all that they import, and find each other's
// functions in the one table, so that any of them may share a file.
import { execFileSync } from "node:child_process";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import binaryen from "binaryen";

const TOOLS = join(dirname(fileURLToPath(import.meta.url)), "../node_modules/binaryen/bin");
/** What pieces import their memory, table and stack from. */
const SHARED = "__wasm_split";
/** Where a file of joined pieces imports the same from. */
const FIRST = "first";
/** What one more file costs a page, in bytes of WebAssembly that could be loaded in the same time. */
const FILE = 5 * 1024;

/** Sections of functions, of elements of the table, of code and of data: https://webassembly.github.io/spec/core/binary/modules.html */
const DEFINES = new Set([3, 9, 10, 11]);

const { Features } = binaryen;
/** What the compiler uses of WebAssembly, as the tools call it. */
const FEATURES = {
  "mutable-globals": Features.MutableGlobals,
  "nontrapping-float-to-int": Features.NontrappingFPToInt,
  "bulk-memory": Features.BulkMemory,
  "bulk-memory-opt": Features.BulkMemoryOpt,
  "sign-ext": Features.SignExt,
  "reference-types": Features.ReferenceTypes,
  multivalue: Features.Multivalue,
  "call-indirect-overlong": Features.CallIndirectOverlong,
};
/** The same as a set of bits: a file of joined pieces no longer says it by itself. */
export const USED = Object.values(FEATURES).reduce((all, feature) => all | feature);

const tool = (name, args) =>
  execFileSync(process.execPath, [join(TOOLS, name), ...args, ...Object.keys(FEATURES).map((feature) => `--enable-${feature}`)], {
    // It warns of each name that it does not know.
    stdio: ["ignore", "ignore", "ignore"],
  });

/** Bytes of what a piece defines: its functions, what the table has of them, and its data. All else is removed or shared. */
function weight(bytes) {
  let at = 8;
  const number = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++];
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  };
  let sum = 0;
  while (at < bytes.length) {
    const section = bytes[at++];
    const length = number();
    if (DEFINES.has(section)) sum += length;
    at += length;
  }
  return sum;
}

/** The pieces in `folder`: `{ file, parts, bytes }`, by what the loader says of them. */
function piecesOf(folder, loader) {
  const pieces = new Map();
  for (const [, parts, file] of loader.matchAll(/\/\* ([\w, ]+) \*\/\s*const \w+ = makeLoad\([^"]*"\.\/(\w+\.wasm)"/g)) {
    pieces.set(file, parts.split(", "));
  }
  for (const [, part] of loader.matchAll(/export const __wasm_split_load_(\w+) =/g)) pieces.set(`split_${part}.wasm`, [part]);
  return [...pieces].map(([file, parts]) => ({ files: [file], parts: new Set(parts), bytes: weight(readFileSync(join(folder, file))) }));
}

/**
 * Which pieces share a file. Two at a time are joined while that makes all parts together cheaper: each part loads every file
 * that holds something of it, pays for all the bytes of it, and for the file itself.
 */
function joined(pieces) {
  const cost = ({ parts, bytes }) => parts.size * (bytes + FILE);
  const both = (one, other) => ({
    files: [...one.files, ...other.files],
    parts: new Set([...one.parts, ...other.parts]),
    bytes: one.bytes + other.bytes,
  });
  const files = [...pieces];
  for (;;) {
    let most = 0;
    let pair;
    for (let one = 0; one < files.length; one++) {
      for (let other = one + 1; other < files.length; other++) {
        const saved = cost(files[one]) + cost(files[other]) - cost(both(files[one], files[other]));
        if (saved > most) [most, pair] = [saved, [one, other]];
      }
    }
    if (!pair) return files;
    const [other] = files.splice(pair[1], 1);
    files[pair[0]] = both(files[pair[0]], other);
  }
}

/**
 * A module that passes on what all pieces import, so that files import it once each: the text of it, and the names. The largest
 * piece imports everything.
 */
function hubOf(piece) {
  binaryen.setDebugInfo(true);
  const module = binaryen.readBinary(piece);
  const imports = [...module.emitText().matchAll(/\(import "__wasm_split" "(\w+)" \((memory|table|global) \S+ (.*)\)\)$/gm)];
  module.dispose();
  const lines = imports.map(([, name, kind, type]) => `(import "${FIRST}" "${name}" (${kind} $${name} ${type})) (export "${name}" (${kind} $${name}))`);
  return { text: `(module ${lines.join("\n")})`, names: imports.map(([, name]) => name) };
}

/**
 * The loader: the script takes from it, for each part, what loads it and then calls back into the WebAssembly; and the page,
 * what asks for the files of a part ahead of that.
 */
const loaderOf = (files, names, script) => `import { initSync } from "./${script}";
const first = () => initSync(undefined, undefined);
let line = Promise.resolve();
let began = 0;
const turn = () => new Promise((next) => setTimeout(() => ((began = performance.now()), next())));
const inLine = (act) => (line = line.catch(() => {}).then(() => performance.now() - began > 4 && turn()).then(act));
const file = (from) => {
  let asked, loading;
  const ask = () => {
    asked ??= fetch(from);
    asked.catch(() => {});
    return asked;
  };
  const load = () =>
    (loading ??= WebAssembly.compileStreaming(ask())
      .then((module) => inLine(() => WebAssembly.instantiate(module, { ${FIRST}: first() })))
      .catch((error) => {
        // It is tried again when it is asked for again.
        asked = loading = undefined;
        throw error;
      }));
  return { ask, load };
};
const part = (files) => async (callback, data) => {
  const isLoaded = await Promise.all(files.map((file) => file.load())).then(
    () => true,
    (error) => (console.error(error), false),
  );
  first().__indirect_function_table.get(callback)(data, isLoaded);
};
const files = [
${files.map(({ name }) => `  file(new URL("./${name}", import.meta.url)),`).join("\n")}
];
const parts = {
${names.map((part) => `  ${part}: [${files.flatMap(({ parts }, index) => (parts.has(part) ? [`files[${index}]`] : []))}],`).join("\n")}
};
export const ahead = (name) => parts[name]?.forEach((file) => file.ask());
${names.map((name) => `export const __wasm_split_load_${name} = part(parts.${name});`).join("\n")}
`;

/**
 * Joins the pieces in `folder`, writes the loader anew, and gives `files`, each a `name` and `bytes`, with the `exports`
 * of all of them that nobody needs. A file of one part has its name. `script` is the one that the loader loads for, beside it.
 */
export function joinParts(folder, loaderFile, script) {
  const path = join(folder, loaderFile);
  const pieces = piecesOf(folder, readFileSync(path, "utf8"));
  const known = new Set(pieces.map(({ files: [file] }) => file));
  for (const file of readdirSync(folder)) {
    if (/^(chunk|split)_.*\.wasm$/.test(file) && !known.has(file)) throw new Error(`the loader does not tell of ${file}`);
  }
  const largest = pieces.reduce((one, other) => (other.bytes > one.bytes ? other : one));
  const hub = hubOf(readFileSync(join(folder, largest.files[0])));
  const hubFile = join(folder, "hub.wat");
  writeFileSync(hubFile, hub.text);

  let shared = 0;
  const files = joined(pieces).map(({ files: own, parts }) => {
    const name = `${parts.size === 1 ? [...parts][0] : `shared_${++shared}`}.wasm`;
    const result = join(folder, `joined_${name}`);
    const named = own.flatMap((file, index) => [join(folder, file), `piece${index}`]);
    tool("wasm-merge", [hubFile, SHARED, ...named, "--debuginfo", "--output", result]);
    const bytes = readFileSync(result);
    if (WebAssembly.Module.imports(new WebAssembly.Module(bytes)).some(({ module }) => module !== FIRST)) {
      throw new Error("a piece imports what the largest one does not");
    }
    return { name, parts, bytes };
  });
  writeFileSync(path, loaderOf(files, [...new Set(files.flatMap(({ parts }) => [...parts]))].sort(), script));
  return { files, exports: hub.names };
}
