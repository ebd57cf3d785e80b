// What a browser test needs, from one import:
//
//   import { expect, expectNoAxe, open, OWNER, screenshot, test } from "../support/index.ts";
//
//   test("the Owner sees the keys", async ({ page, latchkey, upstream, faults }) => { … });
//
// - `latchkey` is the real program, fresh for each spec file and project, with its first Owner (OWNER) and
//   organisation (ORGANISATION) made by `latchkey setup`; `latchkey.setup` is what that printed. Tests of one file
//   share it in their order. `test.use({ seeded: false })` leaves it empty, for the first-run page;
//   `test.use({ settings: { LATCHKEY_… } })` gives it settings. `page.goto("/…")` goes there.
// - `upstream` is a real model server (upstream.mjs says what it answers), fresh for each test.
// - Every spec runs in the projects `js` and `nojs` (JavaScript off); a title or describe with "@js" runs in `js` alone.
// - `open(page, path)` goes to a path and, with JavaScript, waits until the page is hydrated.
// - A test fails on any console error, uncaught exception, violation of the Content-Security-Policy, or request to
//   another origin, in any page of `context`. What a test provokes on purpose, it names: `faults.allow(/regex/)`.
//   Contexts beyond the first come from `newContext()`, so that they are watched too.
// - `signIn`, `keepSession`, `comeBack`, `invite`, `join`, `createVirtualKey`, `createApiKey`, `callModel` (walks.ts) are steps that many walks share.
// - `expectNoAxe(page)` holds the page against WCAG 2.2 A and AA; `expectFits(page, name)` fails if it scrolls sideways at
//   1280 or 360 px, and with LATCHKEY_LOOKS=1 puts it at both, light and dark, into target/screenshots.
// - `expectCleanMarkup(page, paths)` (markup.ts) holds what the server sends against the standard of HTML.
// - What all rooms have in common is in contract.ts: a new room is one entry in specs/rooms.spec.ts, about 25 lines.
import { fileURLToPath } from "node:url";
import AxeBuilder from "@axe-core/playwright";
import { type BrowserContext, type Page, expect, test as base } from "@playwright/test";
import { Latchkey } from "./program.ts";
import { startUpstream } from "./upstream.mjs";
import { hasJavaScript } from "./walks.ts";

export { expect };
export { Latchkey, ORGANISATION, OWNER } from "./program.ts";
export * from "./walks.ts";

type Upstream = Awaited<ReturnType<typeof startUpstream>>;

/** What went wrong in the browser during a test, apart from what the test itself looks at. */
export class Faults {
  private readonly found: string[] = [];
  private readonly allowed: RegExp[] = [];

  /** Allows what the test provokes on purpose. */
  allow(pattern: RegExp): void {
    this.allowed.push(pattern);
  }

  /** Everything not allowed, as lines. */
  lines(): string[] {
    return this.found.filter((line) => !this.allowed.some((pattern) => pattern.test(line)));
  }

  watch(context: BrowserContext, origin: string): void {
    // A refused page (403, 404) is the test's own business; the browser also logs it as a failed load.
    const refusedPages = new Set<string>();
    context.on("response", (response) => {
      if (response.request().isNavigationRequest() && response.status() >= 400) refusedPages.add(response.url());
    });
    context.on("console", (message) => {
      const { url } = message.location();
      if (message.type() !== "error" && !/content security policy/i.test(message.text())) return;
      if (message.text().startsWith("Failed to load resource") && refusedPages.has(url)) return;
      this.found.push(`console: ${message.text()} (${url})`);
    });
    context.on("weberror", (error) => this.found.push(`exception: ${error.error().message}`));
    context.on("request", (request) => {
      const url = new URL(request.url());
      if (/^(https?|wss?):$/.test(url.protocol) && url.origin !== origin) this.found.push(`other origin: ${url.href}`);
    });
  }
}

interface TestFixtures {
  latchkey: Latchkey;
  upstream: Upstream;
  faults: Faults;
  /** A further browser with its own cookies, watched like the first. */
  newContext: () => Promise<BrowserContext>;
  seeded: boolean;
  settings: Record<string, string>;
  /** A PostgreSQL server for the instance's database. */
  postgres: string | undefined;
}

/** The instance that belongs to the spec file this worker is running; the one before it is discarded. */
class Instances {
  private key = "";
  private current: Promise<Latchkey> | undefined;

  async at(key: string, start: () => Promise<Latchkey>): Promise<Latchkey> {
    if (this.key !== key || !this.current) {
      await this.discard();
      this.key = key;
      this.current = start();
    }
    return this.current;
  }

  async discard(): Promise<void> {
    const current = this.current;
    this.current = undefined;
    await (await current?.catch(() => undefined))?.discard();
  }
}

export const test = base.extend<TestFixtures, { instances: Instances }>({
  seeded: [true, { option: true }],
  settings: [{}, { option: true }],
  postgres: [undefined, { option: true }],

  instances: [
    async ({}, use) => {
      const instances = new Instances();
      await use(instances);
      await instances.discard();
    },
    { scope: "worker" },
  ],

  latchkey: async ({ instances, seeded, settings, postgres }, use, info) => {
    const key = JSON.stringify([info.file, info.project.name, seeded, settings]);
    const latchkey = await instances.at(key, () => Latchkey.start({ seeded, settings, postgres }));
    await use(latchkey);
    if (info.status !== info.expectedStatus) {
      console.error(`latchkey serve printed at last:\n${latchkey.output().slice(-4000)}`);
    }
  },

  baseURL: async ({ latchkey }, use) => use(latchkey.url),

  upstream: async ({}, use) => {
    const upstream = await startUpstream();
    await use(upstream);
    await upstream.stop();
  },

  faults: async ({}, use) => {
    const faults = new Faults();
    await use(faults);
    expect(faults.lines(), "what went wrong in the browser").toEqual([]);
  },

  context: async ({ context, faults, latchkey }, use) => {
    faults.watch(context, latchkey.url);
    await use(context);
  },

  newContext: async ({ browser, faults, latchkey, javaScriptEnabled }, use) => {
    const contexts: BrowserContext[] = [];
    await use(async () => {
      const context = await browser.newContext({ baseURL: latchkey.url, javaScriptEnabled });
      contexts.push(context);
      faults.watch(context, latchkey.url);
      return context;
    });
    for (const context of contexts) await context.close();
  },
});

const STANDARDS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
/** Those of their rules that look at colours: dark is the same document in other colours. */
const RULES_OF_COLOUR = ["color-contrast", "link-in-text-block"];

/** Holds the page in view, light and dark, against WCAG 2.2 A and AA. */
export async function expectNoAxe(page: Page): Promise<void> {
  const subject = hasJavaScript() ? page : await copyWithTimers(page);
  // Colours do not depend on JavaScript: the walks with it look at both themes.
  for (const colorScheme of hasJavaScript() ? (["light", "dark"] as const) : (["light"] as const)) {
    await subject.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    // The legacy mode opens no further page for each look; it differs in frames of other origins, which the policy forbids.
    const axe = new AxeBuilder({ page: subject }).options({ resultTypes: ["violations"] }).setLegacyMode(true);
    const { violations } = await (colorScheme === "light" ? axe.withTags(STANDARDS) : axe.withRules(RULES_OF_COLOUR)).analyze();
    const lines = violations.flatMap(({ id, help, nodes }) =>
      nodes.map((node) => `${colorScheme}: ${id}: ${help}: ${node.target.join(" ")}`),
    );
    expect(lines, "axe").toEqual([]);
  }
  if (subject === page) await page.emulateMedia({ colorScheme: null, reducedMotion: null });
  else await subject.context().close();
}

/** axe waits on timers, and a page without JavaScript has none: the same document in a page that has them, less its scripts. */
async function copyWithTimers(page: Page): Promise<Page> {
  const browser = page.context().browser();
  if (!browser) throw new Error("the page's browser is gone");
  const body = (await page.content()).replace(/<script\b.*?<\/script>|<\/?noscript\b[^>]*>/gis, "");
  const context = await browser.newContext({ javaScriptEnabled: true, viewport: page.viewportSize() });
  const copy = await context.newPage();
  await copy.route(page.url(), (route) => route.fulfill({ body, contentType: "text/html; charset=utf-8" }));
  await copy.goto(page.url());
  return copy;
}

const SCREENSHOTS = fileURLToPath(new URL("../../target/screenshots/", import.meta.url));

/** Fails if the page scrolls sideways; where the environment asks for it, takes pictures of the whole page. */
export async function expectFits(page: Page, name: string): Promise<void> {
  const before = page.viewportSize();
  for (const size of [
    { width: 1280, height: 800 },
    { width: 360, height: 740 },
  ]) {
    await page.setViewportSize(size);
    const beyond = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    expect(beyond, `pixels by which ${name} is wider than ${size.width}`).toBeLessThanOrEqual(0);
    if (!process.env["LATCHKEY_LOOKS"]) continue;
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      const path = `${SCREENSHOTS}${test.info().project.name}/${name}-${size.width}-${colorScheme}.png`;
      await page.screenshot({ path, fullPage: true, animations: "disabled" });
    }
    await page.emulateMedia({ colorScheme: null, reducedMotion: null });
  }
  if (before) await page.setViewportSize(before);
}
