// The log: every call with its figures, filters that are in the address, the bars, and one call.
import {
  HOME,
  callModel,
  createApiKey,
  createVirtualKey,
  expect,
  expectNoAxe,
  expectPage,
  hasJavaScript,
  hydrated,
  open,
  row,
  signIn,
  test,
} from "../support/index.ts";

test.describe.configure({ mode: "serial" });

test("whole, streamed, refused and failed calls are there", async ({ page, latchkey, upstream }) => {
  await signIn(page);
  await createVirtualKey(page, { name: "Local models", baseUrl: upstream.baseUrl });
  const able = await createApiKey(page, "able");
  const unable = await createApiKey(page, "unable", { Completions: "disabled" });
  const call = (secret: string, model: string, stream = false) =>
    callModel(latchkey.url, secret, { model: `@local-models/${model}`, stream }).then((response) => response.text());
  await call(able, "brass-large");
  await call(able, "brass-small", true);
  await call(unable, "brass-large");
  await call(able, "status-429");

  await expect(async () => {
    await open(page, `${HOME}/logs`);
    await expect(page.getByText(/^4 calls/).first()).toBeVisible({ timeout: 500 });
  }).toPass();
  await expect(row(page, "unable")).toContainText("403 no Completions");
  await expect(row(page, "status-429")).toContainText("429");
  await expect(row(page, "brass-small").getByRole("cell", { name: "8", exact: true })).toBeVisible();
  await expect(page.getByRole("img", { name: /4 calls, 2 not successful/ })).toBeVisible();
  await page.getByText("Show the numbers").click();
  await expect(page.getByRole("table", { name: /^Calls from/ })).toBeVisible();
  await expectNoAxe(page);
});

test("filters are in the address, and the address restores them", async ({ page }) => {
  await signIn(page);
  await open(page, `${HOME}/logs`);
  const rows = page.getByRole("table", { name: "Calls, newest first" }).getByRole("row");
  await expect(rows).toHaveCount(5);

  const apply = async () => {
    if (!hasJavaScript()) await page.getByRole("button", { name: "Apply" }).click();
  };
  await page.getByRole("combobox", { name: "API key", exact: true }).selectOption({ label: "unable" });
  await apply();
  await expect(page).toHaveURL(/[?&]key=[0-9a-f-]{36}/);
  await expect(rows).toHaveCount(2);
  await page.reload();
  await hydrated(page);
  await expect(rows).toHaveCount(2);
  await expect(row(page, "unable")).toBeVisible();

  await page.getByRole("combobox", { name: "API key", exact: true }).selectOption({ label: "Any key" });
  await apply();
  await expect(rows).toHaveCount(5);
  await page.getByRole("combobox", { name: "Outcome" }).selectOption("4xx");
  await apply();
  await expect(page).toHaveURL(/[?&]status=4xx/);
  await expect(rows).toHaveCount(3);

  await open(page, `${HOME}/logs?model=SMALL`);
  await expect(rows).toHaveCount(2);
  await expect(page.getByRole("searchbox", { name: "Model" })).toHaveValue("SMALL");

  await open(page, `${HOME}/logs?model=nothing`);
  await expect(page.getByRole("heading", { name: "No calls match" })).toBeVisible();
  await expectNoAxe(page);
  await page.getByRole("link", { name: "Clear the filter" }).click();
  await expect(rows).toHaveCount(5);
});

test("one call has its own page", async ({ page }) => {
  await signIn(page);
  await open(page, `${HOME}/logs`);
  await row(page, "brass-small").getByRole("link").click();
  await expectPage(page, "brass-small");
  await hydrated(page);
  const main = page.getByRole("main");
  await expect(main).toContainText("Chat completions, streamed");
  await expect(main.getByRole("link", { name: "able" })).toBeVisible();
  await expect(main.getByRole("link", { name: "@local-models" })).toBeVisible();
  await expect(main).toContainText(/Tokens read\s*3/);
  await expect(main).toContainText(/Tokens written\s*5/);
  await expectNoAxe(page);
  await page.reload();
  await expectPage(page, "brass-small");
  await page.getByRole("link", { name: "All calls" }).click();
  await expectPage(page, "Logs");
  expect((await page.goto(`${HOME}/logs/00000000-0000-7000-8000-000000000000`))?.status()).toBe(404);
});
