// Measures pages of a demonstration instance with Lighthouse, as a phone and as a desktop see them, and prints a table.
// It judges nothing: what is bounded is bounded by `site.mjs budgets` and the tests. The whole reports lie in
// target/lighthouse.
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { launch } from "chrome-launcher";
import lighthouse, { desktopConfig } from "lighthouse";

const PAGES = ["/sign-in", "", "/api-keys", "/api-keys/new", "/logs", "/team"];
const REPORTS = fileURLToPath(new URL("../target/lighthouse/", import.meta.url));

const program = process.env["LATCHKEY_BIN"];
if (!program) throw new Error("LATCHKEY_BIN names no program: run ./dev lighthouse");

const data = mkdtempSync(join(tmpdir(), "latchkey-lighthouse-"));
const environment = { PATH: process.env["PATH"], HOME: process.env["HOME"], LATCHKEY_DATA: data, LATCHKEY_LISTEN: "127.0.0.1:0" };
const told = execFileSync(program, ["demo"], { env: environment, encoding: "utf8" });
const [, slug, email, password] = told.match(/organisation (\S+) is filled.*?(\S+@\S+) \(Owner\).*“(.+?)”/) ?? [];
if (!slug) throw new Error(`latchkey demo said something else:\n${told}`);

const server = spawn(program, ["serve"], { env: environment, stdio: ["ignore", "pipe", "inherit"] });
let chrome;
try {
  const origin = await new Promise((resolve, reject) => {
    server.once("exit", (code) => reject(new Error(`latchkey serve ended with ${code}`)));
    server.stdout.on("data", (text) => {
      const port = /listening on 127\.0\.0\.1:(\d+)/.exec(text)?.[1];
      if (port) resolve(`http://127.0.0.1:${port}`);
    });
  });
  const cookie = await signIn(origin);
  chrome = await launch({
    chromePath: process.env["LATCHKEY_CHROMIUM"] ?? "/usr/bin/chromium",
    chromeFlags: ["--headless=new", "--disable-dev-shm-usage", ...(process.getuid?.() === 0 ? ["--no-sandbox"] : [])],
  });
  mkdirSync(REPORTS, { recursive: true });
  const rows = [];
  for (const path of PAGES) {
    const isOpen = path === "/sign-in";
    for (const [form, config] of [["mobile", undefined], ["desktop", desktopConfig]]) {
      const address = `${origin}${isOpen ? path : `/o/${slug}${path}`}`;
      const settings = {
        port: chrome.port,
        output: "html",
        onlyCategories: ["performance"],
        logLevel: "error",
        extraHeaders: isOpen ? undefined : { cookie },
      };
      let result = await lighthouse(address, settings, config);
      // Now and then the recording of a page fails as a whole.
      for (let again = 0; result?.lhr.runtimeError && again < 2; again++) result = await lighthouse(address, settings, config);
      if (!result || result.lhr.runtimeError) throw new Error(`Lighthouse gave nothing for ${path}: ${result?.lhr.runtimeError?.message}`);
      writeFileSync(`${REPORTS}${path.replaceAll("/", "-").slice(1) || "home"}-${form}.html`, result.report);
      rows.push(figures(path || "/", form, result.lhr));
    }
  }
  console.table(rows);
} finally {
  chrome?.kill();
  server.removeAllListeners("exit");
  const ended = new Promise((resolve) => server.once("exit", resolve));
  if (server.kill()) await ended;
  rmSync(data, { recursive: true, force: true });
}

/** Signs the Owner in, and gives the session's cookie. */
async function signIn(origin) {
  const answer = await fetch(`${origin}/fn/account/sign_in`, {
    method: "POST",
    headers: { "sec-fetch-site": "same-origin", "content-type": "application/x-www-form-urlencoded", accept: "application/json" },
    body: new URLSearchParams({ email, password }),
  });
  const cookie = answer.headers.getSetCookie().map((line) => line.split(";")[0]).find((pair) => pair.includes("latchkey"));
  if (!cookie) throw new Error(`signing in answered ${answer.status}: ${await answer.text()}`);
  return cookie;
}

/** What a report says of a page. */
function figures(page, form, report) {
  const { audits } = report;
  const number = (name) => audits[name]?.numericValue ?? NaN;
  return {
    page,
    form,
    score: Math.round((report.categories.performance?.score ?? 0) * 100),
    "LCP s": +(number("largest-contentful-paint") / 1000).toFixed(2),
    "TBT ms": Math.round(number("total-blocking-time")),
    CLS: +number("cumulative-layout-shift").toFixed(3),
    KiB: Math.round(number("total-byte-weight") / 1024),
    requests: audits["network-requests"]?.details?.items?.length ?? 0,
  };
}
