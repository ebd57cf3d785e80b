import { defineConfig } from "@playwright/test";

/** A PostgreSQL server that may be filled with databases; `./dev test` starts one. `skip` says that there is none. */
const server = process.env["LATCHKEY_TEST_POSTGRES"];
const postgres = server === "skip" ? undefined : server;

const asRoot = process.getuid?.() === 0;

/** The machine's own Chromium: nothing is downloaded. */
const launchOptions = {
  executablePath: process.env["LATCHKEY_CHROMIUM"] ?? "/usr/bin/chromium",
  args: [
    ...(asRoot ? ["--no-sandbox"] : []),
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    // The program runs as it is compiled first: a walk ends long before optimising it would pay.
    "--js-flags=--no-wasm-tier-up",
  ],
};

export default defineConfig<{ postgres: string | undefined }>({
  testDir: "specs",
  outputDir: "../target/browser-tests",
  // A file's tests share one instance in their order; files and projects run beside one another.
  fullyParallel: false,
  workers: 2,
  // A machine that is shared may stop for seconds. What fails once and then passes is told as flaky.
  retries: process.env["CI"] ? 1 : 0,
  forbidOnly: Boolean(process.env["CI"]),
  timeout: 60_000,
  expect: { timeout: 10_000 },
  reporter: process.env["CI"] ? [["list"]] : [["line"]],
  use: {
    launchOptions,
    viewport: { width: 1280, height: 800 },
    locale: "en-GB",
    timezoneId: "Europe/London",
    actionTimeout: 15_000,
    navigationTimeout: 20_000,
    // Recording every step costs a tenth of the time: LATCHKEY_TRACE=1 asks for it.
    trace: process.env["LATCHKEY_TRACE"] ? "retain-on-failure" : "off",
  },
  projects: [
    { name: "js", use: { javaScriptEnabled: true } },
    { name: "nojs", use: { javaScriptEnabled: false }, grepInvert: /@js/ },
    // The life of an organisation once more, on the other database.
    ...(postgres ? [{ name: "postgres", use: { javaScriptEnabled: true, postgres }, testMatch: /story\.spec/ }] : []),
  ],
});
