// What JavaScript adds to the documents and when: nothing moves, nothing is claimed too early, what fails to load leaves the
// plain page, focus goes with the pages, fields follow the address.
import {
  CY,
  HOME,
  ORGANISATION,
  OWNER,
  callModel,
  createApiKey,
  createVirtualKey,
  expect,
  expectNoAxe,
  expectPage,
  fromMenu,
  hydrated,
  invite,
  open,
  row,
  signIn,
  test,
} from "../support/index.ts";
import type { Page } from "@playwright/test";

test.describe.configure({ mode: "serial" });

/** The parts of the code that the pages of keys need. */
const PARTS = "**/pkg/key*.wasm";
const live = (page: Page) => page.locator("html[data-live]");

/** Notes every move of the page's parts from the first byte on, until `forgetMoves` is called on the page. */
async function noteMoves(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const moves: string[] = [];
    const note = (entries: PerformanceEntryList) => {
      for (const entry of entries as (PerformanceEntry & { value: number; sources: { node: Node | null }[] })[]) {
        const nodes = entry.sources.map(({ node }) => (node instanceof Element ? node.outerHTML.slice(0, 80) : node?.nodeName));
        moves.push(`${entry.value.toFixed(4)} ${nodes.join(" | ")}`);
      }
    };
    const observer = new PerformanceObserver((list) => note(list.getEntries()));
    observer.observe({ type: "layout-shift", buffered: true });
    const forgetMoves = () => {
      observer.takeRecords();
      moves.length = 0;
    };
    const readMoves = () => {
      note(observer.takeRecords());
      return moves;
    };
    Object.assign(window, { forgetMoves, readMoves });
  });
}

/** Two frames later the browser has drawn the page and measured it. */
const drawn = (page: Page) =>
  page.evaluate(() => new Promise<void>((done) => requestAnimationFrame(() => requestAnimationFrame(() => done()))));

test("nothing moves when a list comes alive @js", async ({ page, latchkey, upstream }) => {
  test.setTimeout(120_000);
  await signIn(page);
  await createVirtualKey(page, { name: "Local models", baseUrl: upstream.baseUrl });
  const secret = await createApiKey(page, "steady");
  await (await callModel(latchkey.url, secret, { model: "@local-models/brass-large" })).text();
  await invite(page, "Member", [CY.email]);
  await noteMoves(page);
  // A browser may draw a table while its rows still arrive. That is not what is looked at: the code waits until the whole
  // page is drawn.
  let release = () => {};
  let held = Promise.resolve();
  await page.route("**/pkg/*.wasm", async (route) => {
    await held;
    await route.continue();
  });
  for (const width of [360, 768, 1280]) {
    await page.setViewportSize({ width, height: 800 });
    for (const path of ["logs", "api-keys", "virtual-keys", "limits", "team", "team/invitations", "team/reviews", "audit/delivery", "billing"]) {
      held = new Promise((done) => (release = done));
      await page.goto(`${HOME}/${path}`, { waitUntil: "domcontentloaded" });
      await drawn(page);
      await expect(live(page)).toHaveCount(0);
      await page.evaluate(() => (window as unknown as { forgetMoves: () => void }).forgetMoves());
      release();
      await hydrated(page);
      await drawn(page);
      const moves = await page.evaluate(() => (window as unknown as { readMoves: () => string[] }).readMoves());
      expect(moves, `${path} at ${width} px`).toEqual([]);
    }
  }
});

test("a list that is left or sorted while it comes to life is whole afterwards @js", async ({ page }) => {
  test.setTimeout(180_000);
  await signIn(page);
  // Each part waits for its turn, which the test gives; and no two have the time for one turn.
  await page.addInitScript(() => {
    const turns: (() => void)[] = [];
    const [setTimeout, now] = [window.setTimeout.bind(window), Date.now.bind(Date)];
    let isHeld = true;
    let calls = 0;
    const later = (then: () => void, wait?: number, ...rest: unknown[]) => {
      if (isHeld && wait === 0) return turns.push(then);
      return setTimeout(then, wait, ...rest);
    };
    Object.assign(window, {
      setTimeout: later,
      turn: () => turns.shift()?.(),
      waiting: () => turns.length,
      release: () => {
        isHeld = false;
        turns.splice(0).forEach((then) => setTimeout(then, 0));
      },
    });
    Date.now = () => now() + 10 * calls++;
  });
  type Held = { turn: () => void; waiting: () => number; release: () => void };
  const path = `${HOME}/api-keys`;
  /** Opens the list, and gives so many parts their turn. */
  const openUntil = async (turns: number) => {
    await page.goto(path, { waitUntil: "domcontentloaded" });
    await page.waitForFunction(() => (window as unknown as Held).waiting() > 0);
    for (let turn = 0; turn < turns; turn++) await page.evaluate(() => (window as unknown as Held).turn());
  };
  const names = () => page.locator("main tbody tr").evaluateAll((rows) => rows.map((row) => row.querySelector("a")?.textContent));

  await openUntil(0);
  const listed = await names();
  expect(listed.length).toBeGreaterThan(1);
  const sorting = (await page.locator("main thead a.sort").first().getAttribute("href")) ?? "";
  await page.goto(sorting, { waitUntil: "domcontentloaded" });
  const sorted = await names();
  expect([...sorted].sort()).toEqual([...listed].sort());

  await openUntil(0);
  let all = 0;
  while ((await live(page).count()) === 0 && all < 200) {
    await page.evaluate(() => (window as unknown as Held).turn());
    all += 1;
  }
  expect(all).toBeGreaterThan(listed.length);
  for (let turns = 0; turns <= all; turns++) {
    for (const link of [`nav a[href="${HOME}/virtual-keys"]`, "main thead a.sort"]) {
      await openUntil(turns);
      await page.locator(link).first().evaluate((link) => (link as HTMLAnchorElement).click());
      await page.evaluate(() => (window as unknown as Held).release()).catch(() => {});
      if (link.startsWith("nav")) {
        await expectPage(page, "Virtual keys");
        await expect(page.locator("main table")).toHaveCount(1);
      } else {
        await expect(page).toHaveURL(/sort=/);
        await expect(async () => expect(await names()).toEqual(sorted)).toPass();
      }
    }
  }
});

test("a page says that it is alive when all of it is @js", async ({ page }) => {
  await signIn(page);
  let release = () => {};
  const held = new Promise<void>((resolve) => (release = resolve));
  let asked = () => {};
  const wanted = new Promise<void>((resolve) => (asked = resolve));
  await page.route(PARTS, async (route) => {
    asked();
    await held;
    await route.continue();
  });
  await page.goto(`${HOME}/api-keys/new`);
  await wanted;
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  await expect(live(page)).toHaveCount(0);
  await expect(page.getByText("Start from:")).toBeVisible();
  await page.getByLabel("Name", { exact: true }).fill("typed early");
  release();
  await expect(live(page)).toHaveCount(1);
  await expect(page.getByLabel("Name", { exact: true })).toHaveValue("typed early");
});

test("a page whose code does not load works as plain HTML, and one inside the app says so @js", async ({ page, faults }) => {
  faults.allow(/key|Failed to fetch|split/i);
  await signIn(page);
  const failed = () => page.waitForEvent("requestfailed", (request) => request.url().includes("/pkg/key"));
  await page.route(PARTS, (route) => route.abort());
  await Promise.all([failed(), page.goto(`${HOME}/api-keys/new`)]);
  await page.getByLabel("Name", { exact: true }).fill("made plainly");
  await page.getByRole("button", { name: "Create key" }).click();
  await expectPage(page, "made plainly is ready");

  await open(page, `${HOME}/logs`);
  await page.getByRole("link", { name: "API keys", exact: true }).click();
  await expectPage(page, "This page cannot be shown right now");
  await expect(page.getByRole("main")).toHaveCount(1);
  await page.unroute(PARTS);
  await page.getByRole("link", { name: "Try again" }).click();
  await expectPage(page, "API keys");
  await expect(live(page)).toHaveCount(1);
});

test("a page that is on its way has its heading at once, and says when that is slow @js", async ({ page }) => {
  await signIn(page);
  await open(page, `${HOME}/api-keys`);
  let release = () => {};
  const held = new Promise<void>((resolve) => (release = resolve));
  await page.route("**/fn/virtual_keys/list", async (route) => {
    await held;
    await route.continue();
  });
  await page.getByRole("navigation", { name: "Console" }).getByRole("link", { name: "Virtual keys" }).click();
  await expectPage(page, "Virtual keys");
  await expect(page.locator("main [aria-busy=true]")).toBeVisible();
  const bar = page.getByRole("region", { name: "Messages" });
  await expect(bar).not.toContainText("Still loading");
  await expect(bar).toContainText("Still loading. The answer takes longer than usual.");
  await expectNoAxe(page);
  release();
  await expect(page.getByRole("link", { name: "New virtual key" }).first()).toBeVisible();
  await expectPage(page, "Virtual keys");
  await expect(page.getByRole("heading", { level: 1 })).toBeFocused();
  await expect(page.locator("main [aria-busy=true]")).toHaveCount(0);
  await expect(bar).not.toContainText("Still loading");
});

test("offline a bar says so, a form keeps what was typed, and the page heals @js", async ({ page, context, faults }) => {
  faults.allow(/ERR_INTERNET_DISCONNECTED|Failed to fetch/);
  await signIn(page);
  await open(page, `${HOME}/virtual-keys/new`);
  const bar = page.getByRole("region", { name: "Messages" });
  const name = page.getByLabel("Name", { exact: true });
  await name.fill("typed before");
  await context.setOffline(true);
  await expect(bar).toContainText("You are offline.");
  await expectNoAxe(page);
  await page.getByRole("button", { name: "Create virtual key" }).click();
  await expect(page.getByRole("alert").filter({ hasText: "Latchkey could not be reached" })).toBeVisible();
  await expect(name).toHaveValue("typed before");
  await context.setOffline(false);
  await expect(bar).not.toContainText("You are offline.");
  await expect(name).toHaveValue("typed before");

  // A page that could not be loaded comes by itself.
  await open(page, `${HOME}/virtual-keys`);
  await page.getByRole("navigation", { name: "Console" }).getByRole("link", { name: "API keys" }).click();
  await expectPage(page, "API keys");
  await context.setOffline(true);
  await page.getByRole("navigation", { name: "Console" }).getByRole("link", { name: "Virtual keys" }).click();
  await expectPage(page, "This page cannot be shown right now");
  await context.setOffline(false);
  await expectPage(page, "Virtual keys");
  await expect(bar).not.toContainText(/offline|cannot be reached/);
});

test("a page that found no server comes when there is one again, or at a press @js", async ({ page, faults }) => {
  faults.allow(/ERR_FAILED|Failed to fetch|Failed to load/);
  await signIn(page);
  await open(page, `${HOME}/virtual-keys`);
  const bar = page.getByRole("region", { name: "Messages" });
  const go = async (link: string) =>
    page.getByRole("navigation", { name: "Console" }).getByRole("link", { name: link }).click();
  await page.route("**/healthz", (route) => route.abort());
  await page.route("**/fn/virtual_keys/list", (route) => route.abort());
  await go("API keys");
  await expectPage(page, "API keys");
  await go("Virtual keys");
  await expectPage(page, "This page cannot be shown right now");
  await expect(bar).toContainText("Latchkey cannot be reached.");
  await page.unroute("**/fn/virtual_keys/list");
  await page.getByRole("link", { name: "Try again" }).click();
  await expectPage(page, "Virtual keys");
  await expect(live(page)).toHaveCount(1);
  await expect(bar).not.toContainText("cannot be reached");

  await page.route("**/fn/api_keys/list", (route) => route.abort());
  await go("API keys");
  await expectPage(page, "This page cannot be shown right now");
  await page.unroute("**/fn/api_keys/list");
  await page.unroute("**/healthz");
  await expectPage(page, "API keys");
});

test("focus goes to what came, and its name is said once @js", async ({ page }) => {
  const heading = page.getByRole("heading", { level: 1 });
  const announcer = page.locator("#announcer");
  await open(page, "/sign-in");
  await page.getByRole("link", { name: "Forgot it?" }).click();
  await expectPage(page, "Forgot your password?");
  await expect(heading).toBeFocused();
  await expect(announcer).toHaveText("Forgot your password?");

  await signIn(page);
  await open(page, `${HOME}/logs`);
  await page.getByRole("navigation", { name: "Console" }).getByRole("link", { name: "API keys" }).click();
  await expectPage(page, "API keys");
  await expect(heading).toBeFocused();
  await expect(announcer).toHaveText("API keys");

  // The secret comes at the address of the form that made it.
  await page.getByRole("link", { name: "New key" }).first().click();
  await expectPage(page, "New API key");
  await page.getByLabel("Name", { exact: true }).fill("focused");
  await page.getByRole("button", { name: "Create key" }).click();
  await expectPage(page, "focused is ready");
  await expect(heading).toBeFocused();
  await expect(announcer).toHaveText("focused is ready");

  // A filter makes no page.
  await open(page, `${HOME}/api-keys`);
  const status = page.getByRole("combobox", { name: "Status" });
  await status.focus();
  await status.selectOption("active");
  await expect(page).toHaveURL(/status=active/);
  await expect(page.getByText("No key fits")).toHaveCount(0);
  await expect(status).toBeFocused();
});

test("the fields of a filter follow the address @js", async ({ page }) => {
  await signIn(page);
  await open(page, `${HOME}/logs`);
  const outcome = page.getByRole("combobox", { name: "Outcome" });
  const model = page.getByRole("searchbox", { name: "Model" });
  const time = page.getByRole("combobox", { name: "Time" });
  await time.selectOption("7d");
  await expect(page).toHaveURL(/range=7d/);
  await outcome.selectOption("5xx");
  await expect(page).toHaveURL(/status=5xx/);
  await page.goBack();
  await expect(outcome).toHaveValue("");
  await expect(time).toHaveValue("7d");
  await page.goBack();
  await expect(time.locator("option:checked")).toHaveText("Last 24 hours");

  await model.fill("nothing");
  await model.press("Enter");
  await page.getByRole("link", { name: "Clear the filter" }).click();
  await expect(model).toHaveValue("");
  await outcome.selectOption("2xx");
  await expect(page).toHaveURL(/status=2xx/);
  expect(page.url()).not.toContain("nothing");

  await open(page, `${HOME}/api-keys?status=disabled`);
  await page.getByRole("link", { name: "Show all keys" }).click();
  await expect(row(page, "steady")).toBeVisible();
  await expect(page.getByRole("combobox", { name: "Status" })).toHaveValue("");
});

test("a row's menu closes when focus leaves it @js", async ({ page }) => {
  await signIn(page);
  await open(page, `${HOME}/api-keys`);
  const button = page.getByRole("button", { name: "Actions for focused" });
  await button.focus();
  await page.keyboard.press("Enter");
  const menu = row(page, "focused");
  await expect(menu.getByRole("link", { name: "Edit" })).toBeFocused();
  for (const item of ["Rotate", "Disable", "Delete"]) {
    await page.keyboard.press("Tab");
    await expect(menu.getByRole("link", { name: item })).toBeFocused();
  }
  await page.keyboard.press("Tab");
  await expect(menu.getByRole("link", { name: "Edit" })).toBeHidden();
  await expect(button).not.toBeFocused();
  // The button still closes the menu that it opened.
  await button.click();
  await expect(menu.getByRole("link", { name: "Edit" })).toBeVisible();
  await button.click();
  await expect(menu.getByRole("link", { name: "Edit" })).toBeHidden();
});

test("the row that was just changed is marked", async ({ page }) => {
  await signIn(page);
  await createApiKey(page, "marked one");
  await fromMenu(page, "marked one", "Disable");
  await hydrated(page);
  await page.getByRole("button", { name: "Disable key" }).click();
  await expect(row(page, "marked one")).toContainText("Disabled");
  await expect(row(page, "marked one")).toHaveClass(/marked/);
  await expect(page.locator("tr.marked")).toHaveCount(1);
  await hydrated(page);
  await open(page, `${HOME}/api-keys`);
  await expect(row(page, "marked one")).not.toHaveClass(/marked/);
  await fromMenu(page, "marked one", "Enable");
  await expect(row(page, "marked one")).toContainText("Active");
  await expect(row(page, "marked one")).toHaveClass(/marked/);
});

test("a refusal in a row is reported", async ({ page, newContext, faults }) => {
  faults.allow(/status of 4\d\d .*\/fn\//);
  await signIn(page);
  await createApiKey(page, "gone meanwhile");
  await fromMenu(page, "gone meanwhile", "Disable");
  await hydrated(page);
  await page.getByRole("button", { name: "Disable key" }).click();
  await expect(row(page, "gone meanwhile")).toContainText("Disabled");
  await hydrated(page);

  const other = await (await newContext()).newPage();
  await signIn(other);
  await open(other, `${HOME}/api-keys`);
  await fromMenu(other, "gone meanwhile", "Delete");
  await expectPage(other, "Delete gone meanwhile");
  await hydrated(other);
  await other.getByRole("button", { name: "Delete key" }).click();
  await expect(row(other, "gone meanwhile")).toHaveCount(0);

  await fromMenu(page, "gone meanwhile", "Enable");
  await expect(page.getByRole("alert").filter({ hasText: /\w/ })).toBeVisible();
  await expectPage(page, "API keys");
});

test("an exact time is seen whole @js", async ({ page }) => {
  await signIn(page);
  await open(page, `${HOME}/api-keys`);
  const key = (await page.getByRole("link", { name: "steady" }).getAttribute("href")) ?? "";
  for (const path of [`${HOME}/team`, "/account", key, `${key}/delete`]) {
    for (const width of [360, 1280]) {
      await page.setViewportSize({ width, height: 800 });
      await open(page, path);
      await expect(page.locator("time.time").first()).toBeVisible();
      for (const time of await page.locator("time.time").all()) {
        await time.focus();
        await expect(time.locator(".time-exact"), `${path} at ${width} px`).toBeInViewport({ ratio: 0.99 });
        const beyond = await time.locator(".time-exact").evaluate((box) => box.scrollWidth - box.clientWidth);
        expect(beyond).toBeLessThanOrEqual(0);
      }
    }
  }
});

test("an outage is reported once @js", async ({ page, faults }) => {
  faults.allow(/\/fn\/logs\//);
  await signIn(page);
  await open(page, `${HOME}/api-keys`);
  await page.route("**/fn/logs/**", (route) => route.abort());
  await page.getByRole("link", { name: "Logs" }).click();
  await expectPage(page, "This page cannot be shown right now");
  await expect(page.getByText("Latchkey could not be reached.", { exact: false })).toHaveCount(1);
  // No answer came, so that there is no request to name.
  await expect(page.getByText("Request", { exact: true })).toHaveCount(0);
});

test("going back past the sign-in is not a trap @js", async ({ page }) => {
  await open(page, "/forgot");
  await signIn(page);
  await expectPage(page, ORGANISATION);
  // Whoever is signed in is led on from there, in the same place of the history.
  await page.goBack();
  await expectPage(page, ORGANISATION);
  await page.goBack();
  await expectPage(page, "Forgot your password?");
});
