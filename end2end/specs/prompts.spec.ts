// Prompts: written, filled with values, saved as versions, published, taken back, proposed and agreed to by a second person;
// the partials in them, their labels and folders; and what each role may do with them.
import {
  BO,
  CY,
  HOME,
  OWNER,
  comeBack,
  createApiKey,
  createVirtualKey,
  expect,
  expectFits,
  expectNoAxe,
  expectPage,
  fromMenu,
  hasJavaScript,
  hydrated,
  invite,
  join,
  keepSession,
  open,
  row,
  signIn,
  test,
} from "../support/index.ts";
import { readFile } from "node:fs/promises";
import type { Page } from "@playwright/test";

test.describe.configure({ mode: "serial", timeout: 120_000 });

let secret = "";
let prompt = "";
let partial = "";
const slugOf = (path: string) => path.split("/").at(-1) ?? "";

const text = (page: Page, number: number) => page.getByLabel(`Text of message ${number}`, { exact: true });
const heading = (page: Page) => page.locator(".page-header");
const labels = (page: Page) => page.locator(".label-moves > li");

/** Without JavaScript the button posts the form, and the page comes back. */
async function press(page: Page, name: string | RegExp): Promise<void> {
  await page.getByRole("button", { name, exact: true }).click();
  await hydrated(page);
}

/** Waits until something is said to be done, in a toast or on the page. */
const expectSaid = (page: Page, words: RegExp) => expect(page.getByText(words).filter({ visible: true }).first()).toBeVisible();

async function look(page: Page, name: string): Promise<void> {
  // Without JavaScript it is the same document; rooms.spec.ts holds some of these pages against axe there too.
  if (hasJavaScript()) await expectNoAxe(page);
  await expectFits(page, name);
}

/** Has a program ask the gateway about the prompt; the path ends with what it asks for. */
async function ask(origin: string, what: string, body: object): Promise<Response> {
  return fetch(`${origin}/v1/prompts/${what}`, {
    method: "POST",
    headers: { authorization: `Bearer ${secret}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
}

/** What the program runs now. */
async function runs(origin: string): Promise<string> {
  return (await ask(origin, `${slugOf(prompt)}/render`, { variables: { question: "Where is it?" } })).text();
}

test("an Owner, an Admin and a Member are there", async ({ page, newContext }) => {
  await signIn(page);
  await keepSession(page.context(), OWNER);
  secret = await createApiKey(page, "support-bot");
  for (const [role, person] of [["Admin", BO], ["Member", CY]] as const) {
    const [link] = await invite(page, role, [person.email]);
    const context = await newContext();
    await join(await context.newPage(), link ?? "", person);
    await keepSession(context, person);
  }
});

test("a partial and a prompt are written, and published in the same step", async ({ page, faults, latchkey }) => {
  faults.allow(/status of 4\d\d .*\/fn\//);
  await comeBack(page, OWNER);
  await open(page, `${HOME}/prompts`);
  await expect(page.getByRole("heading", { name: "No prompts yet" })).toBeVisible();
  await expect(page.getByRole("main")).toContainText("/v1/prompts/support-reply/completions");
  await page.getByRole("link", { name: "Partials", exact: true }).click();
  await expect(page.getByRole("heading", { name: "No partials yet" })).toBeVisible();
  await page.getByRole("main").getByRole("link", { name: "New partial" }).first().click();
  await expectPage(page, "New partial");
  await hydrated(page);
  await page.getByLabel("Name", { exact: true }).fill("House style");
  await page.getByLabel("Text", { exact: true }).fill("Be brief.");
  await page.getByLabel("Publish at once").check();
  await press(page, "Create partial");
  await expectPage(page, "House style");
  await expect(heading(page)).toContainText(/v1\s*production/);
  partial = new URL(page.url()).pathname;

  await open(page, `${HOME}/prompts/new`);
  await page.getByLabel("Name", { exact: true }).fill("Support reply");
  await page.getByLabel("Publish at once").check();
  await text(page, 1).fill("Greet.");
  await text(page, 2).fill("{{question");
  await page.getByLabel("Model (optional)").fill("brass-small");
  await page.getByLabel("Parameters as JSON").fill("[1]");
  await press(page, "Add message");
  await page.getByLabel("Role of message 3").selectOption("assistant");
  await text(page, 3).fill(`{{>${slugOf(partial)}}}`);
  // Faults stand at their fields, and nothing that was typed or ticked is lost.
  await press(page, "Create prompt");
  await expect(page.getByLabel("Parameters as JSON")).toHaveAccessibleDescription(/This must be an object of JSON\./);
  await expect(page.getByLabel("Model (optional)")).toHaveValue("brass-small");
  await page.getByLabel("Parameters as JSON").fill("");
  await press(page, "Create prompt");
  await expect(page.locator("#form-errors")).toContainText("[1].content");
  await expect(page.getByLabel("Publish at once")).toBeChecked();
  await expect(page.getByLabel("Role of message 3")).toHaveValue("assistant");
  await text(page, 2).fill("{{question}}");
  await press(page, "Move up message 3");
  await expect(text(page, 2)).toHaveValue(/^\{\{>/);
  if (hasJavaScript()) await expect(page.getByRole("button", { name: "Move up message 2" })).toBeFocused();
  await press(page, "Add message");
  await press(page, "Remove message 4");
  await expect(page.getByLabel("Publish at once")).toBeChecked();
  await press(page, "Create prompt");
  await expectPage(page, "Support reply");
  await expect(heading(page)).toContainText(/v1\s*production/);
  prompt = new URL(page.url()).pathname;
  await hydrated(page);

  // Filled with values, with nothing saved.
  await text(page, 1).fill("Greet warmly.");
  await page.getByLabel("question", { exact: true }).fill("Where is it?");
  await press(page, "Show the request");
  await expect(page.locator("#request")).toContainText("Where is it?");
  await expect(page.locator("#request")).toContainText("Greet warmly.");
  await expect(page.locator("#request")).toContainText("Be brief.");
  await look(page, "prompt-filled");
  expect(await runs(latchkey.url)).toContain("Greet.");

  await open(page, partial);
  await page.getByRole("main").getByRole("link", { name: "Support reply" }).click();
  await expectPage(page, "Support reply");
  await open(page, `${partial}/delete`);
  await expect(page.getByText("It is put in here. Take it out there first:")).toBeVisible();
  await look(page, "partial-delete");
  await press(page, "Delete House style");
  await expect(page.getByRole("alert").filter({ hasText: "It stands in: Support reply." })).toBeVisible();
});

test("a version is published, run, and taken back", async ({ page, latchkey, upstream }) => {
  await comeBack(page, OWNER);
  await createVirtualKey(page, { name: "Local models", baseUrl: upstream.baseUrl });
  await open(page, prompt);
  await page.getByLabel("Model (optional)").fill("brass-large");
  await page.getByLabel("Virtual key", { exact: true }).selectOption("@local-models");
  await page.getByLabel("question", { exact: true }).fill("Where is it?");
  await press(page, "Run");
  await expect(page.locator("#answer")).toContainText("You said: Where is it?");
  await text(page, 1).fill("Greet warmly.");
  await page.getByLabel("What this version is about").fill("Warmer");
  await press(page, "Save as v2");
  await expectSaid(page, /^Saved as v2/);
  await expect(heading(page)).toContainText(/v1\s*production/);
  expect(await runs(latchkey.url)).toContain("Greet.");

  await open(page, `${prompt}/versions`);
  await expect(page.locator(".history")).toContainText("Warmer");
  await expect(page.locator(".two-texts .come").first()).toContainText("warmly");
  await press(page, "Publish v2");
  await expectSaid(page, /^The version is published/);
  await expect(heading(page)).toContainText(/v2\s*production/);
  await expect.poll(() => runs(latchkey.url)).toContain("Greet warmly.");
  const answer = await ask(latchkey.url, `${slugOf(prompt)}/completions`, {
    variables: { question: "Where is it?" },
  });
  expect(await answer.text()).toContain("You said: Where is it?");

  await press(page, "Publish v1");
  await expect(heading(page)).toContainText(/v1\s*production/);
  await expect.poll(() => runs(latchkey.url)).toContain("Greet.");
  await press(page, "Move staging");
  await expectSaid(page, /^The label is moved/);
  await expect(heading(page)).toContainText(/v2\s*staging/);
  await expect(page.getByRole("main")).toContainText("production: v2 to v1");
  await look(page, "prompt-versions");
});

test("values are kept, and two versions compared over them", async ({ page, faults, upstream }) => {
  faults.allow(/status of 4\d\d .*\/fn\//);
  await comeBack(page, OWNER);
  await createVirtualKey(page, { name: "Other models", baseUrl: upstream.baseUrl });
  await open(page, `${prompt}/compare`);
  await page.getByRole("main").getByRole("link", { name: "Keep values" }).click();
  await expect(page.getByText("Nothing is kept yet.")).toBeVisible();
  await hydrated(page);
  await page.getByLabel("Name", { exact: true }).fill("Lost parcel");
  await page.getByLabel("Values as JSON").fill("[1]");
  await press(page, "Keep");
  await expect(page.getByLabel("Values as JSON")).toHaveAccessibleDescription(/Values must be a JSON object\./);
  await page.getByLabel("Values as JSON").fill('{"question": "Where is my parcel?"}');
  await page.getByLabel("For everybody who sees the prompt").check();
  await press(page, "Keep");
  await expectSaid(page, /^The values are kept/);
  await expect(page.locator(".samples")).toContainText("Everybody's");
  await look(page, "prompt-values");
  if (hasJavaScript()) {
    // In the editor they are chosen, and more are kept without leaving it.
    await open(page, prompt);
    await page.getByLabel("Test values").selectOption("Lost parcel");
    await expect(page.getByLabel("question", { exact: true })).toHaveValue("Where is my parcel?");
    await page.getByLabel("question", { exact: true }).fill("Who are you?");
    await page.getByText("Keep these values").click();
    await page.getByLabel("Name of the values").fill("Curious");
    await page.getByRole("button", { name: "Keep", exact: true }).click();
    await page.getByLabel("Test values").selectOption("Curious (yours)");
    // What is typed is still there, and not saved.
    await expect(page.getByLabel("question", { exact: true })).toHaveValue("Who are you?");
    await look(page, "prompt-values-chosen");
  } else {
    await page.getByLabel("Name", { exact: true }).fill("Curious");
    await page.getByLabel("Values as JSON").fill('{"question": "Who are you?"}');
    await press(page, "Keep");
  }
  await open(page, `${prompt}/compare`);
  await page.getByLabel("Right: model (optional)").fill("@other-models/brass-other");
  await expect(page.getByText("4 calls: 2 sets of values with both.")).toBeVisible();
  await press(page, "Run both");
  const compared = page.locator("#compared");
  await expect(compared).toContainText("You said: Where is my parcel?");
  await expect(compared).toContainText("You said: Who are you?");
  // The first version names no virtual key.
  await expect(compared.getByText("Choose a virtual key")).toHaveCount(2);
  await look(page, "prompt-compared");
  await open(page, `${prompt}/values`);
  await press(page, "Remove Curious");
  await expectSaid(page, /^The values are removed/);
  await expect(page.locator(".samples > li")).toHaveCount(1);
});

test("a prompt goes out as a file and comes in as one", async ({ page, faults }) => {
  faults.allow(/status of 4\d\d .*\/fn\//);
  await comeBack(page, OWNER);
  await open(page, prompt);
  const coming = page.waitForEvent("download");
  await page.getByRole("link", { name: "Download as a file" }).click();
  const download = await coming;
  expect(download.suggestedFilename()).toBe(`${slugOf(prompt)}.json`);
  const path = await download.path();
  const file = JSON.parse(await readFile(path, "utf8"));
  expect(file).toMatchObject({ object: "prompt", name: "Support reply", model: "brass-large" });
  await open(page, `${HOME}/prompts`);
  await page.getByRole("link", { name: "Import", exact: true }).click();
  await expectPage(page, "Import a prompt");
  await hydrated(page);
  if (hasJavaScript()) await page.locator("#choose").setInputFiles(path);
  else await page.getByLabel("Text of the file").fill(JSON.stringify(file));
  await expect(page.getByLabel("Text of the file")).toHaveValue(/brass-large/);
  await press(page, "Import");
  await expect(page.getByLabel("Text of the file")).toHaveAccessibleDescription(/This slug is taken\./);
  await look(page, "prompt-import");
  await page.getByLabel("Text of the file").fill(JSON.stringify({ ...file, name: "Second reply", slug: "second-reply" }));
  await press(page, "Import");
  await expectPage(page, "Second reply");
  await expect(heading(page)).toContainText("not published");
  await open(page, `${new URL(page.url()).pathname}/delete`);
  await press(page, "Delete Second reply");
  await expectPage(page, "Prompts");
});

test("labels and folders are made, changed and deleted", async ({ page, faults }) => {
  faults.allow(/status of 4\d\d .*\/fn\//);
  await comeBack(page, OWNER);
  await open(page, `${HOME}/prompts`);
  await page.getByRole("main").getByRole("link", { name: "Labels", exact: true }).click();
  await expectPage(page, "Labels");
  await page.getByRole("link", { name: "New label" }).click();
  await expectPage(page, "New label");
  await hydrated(page);
  await page.getByLabel("Name", { exact: true }).fill("7");
  await press(page, "Create label");
  await expect(page.getByLabel("Name", { exact: true })).toHaveAccessibleDescription(/A label is no number/);
  await look(page, "label-new");
  await page.getByLabel("Name", { exact: true }).fill("canary");
  await page.getByLabel("What it is for").fill("A few calls try it first");
  await press(page, "Create label");
  await expectPage(page, "Labels");
  await expectSaid(page, /^The label is made/);
  await hydrated(page);
  await fromMenu(page, "production", "Change");
  await expectPage(page, "Change production");
  await hydrated(page);
  await page.getByLabel("Who must agree").selectOption("A second person");
  await press(page, "Save");
  await expectPage(page, "Labels");
  await expect(page.getByRole("row", { name: /^production/ })).toContainText("A second person");
  await look(page, "labels");
  await hydrated(page);
  await fromMenu(page, "canary", "Delete");
  await expectPage(page, "Delete canary");
  await hydrated(page);
  await press(page, "Delete canary");
  await expectPage(page, "Labels");
  await expect(row(page, "canary")).toHaveCount(0);

  await page.getByRole("main").getByRole("link", { name: "Folders", exact: true }).click();
  await expect(page.getByRole("heading", { name: "No folders yet" })).toBeVisible();
  await page.getByRole("main").getByRole("link", { name: "New folder" }).click();
  await expectPage(page, "New folder");
  await hydrated(page);
  await page.getByLabel("Name", { exact: true }).fill("Support");
  await press(page, "Create folder");
  await expectPage(page, "Folders");
  await open(page, prompt);
  await page.getByLabel("Folder").selectOption("Support");
  await press(page, "Save as v3");
  // It holds the same: another folder makes no version.
  await expectSaid(page, /^Saved\.?$/);
  await open(page, `${HOME}/prompts/folders`);
  await expect(row(page, "Support")).toContainText("1");
  await fromMenu(page, "Support", "Rename");
  await expectPage(page, "Rename Support");
  await hydrated(page);
  await page.getByLabel("Name", { exact: true }).fill("Customers");
  await press(page, "Rename");
  await expectPage(page, "Folders");
  await look(page, "folders");
  await hydrated(page);
  await fromMenu(page, "Customers", "Delete");
  await expectPage(page, "Delete Customers");
  await hydrated(page);
  await press(page, "Delete Customers");
  await expect(page.getByRole("alert").filter({ hasText: "There are prompts or partials in this folder." })).toBeVisible();
  await open(page, `${HOME}/prompts/folders`);
  await page.getByRole("link", { name: "Customers" }).click();
  await expect(page.getByText(/^1 prompt$/).first()).toBeVisible();
});

test("a Member proposes, and a second person agrees", async ({ page, newContext, latchkey }) => {
  await comeBack(page, CY);
  await open(page, prompt);
  await expect(page.getByLabel("Publish at once")).toHaveAccessibleDescription(/^Owners and Admins can do this\. Ask Ada Lovelace\.$/);
  await text(page, 1).fill("Greet by name.");
  await press(page, "Save as v3");
  await expectSaid(page, /^Saved as v3/);
  await open(page, `${prompt}/versions`);
  const production = labels(page).filter({ hasText: "production" });
  await expect(production).toContainText("A second person must agree.");
  await production.getByLabel("Version for production").selectOption("v3");
  await production.getByLabel("Why production should move").fill("People like their names");
  await press(page, "Propose production");
  const note = page.locator(".note").filter({ hasText: "Cy Okafor proposes v3 for production" });
  await expect(note).toContainText("People like their names");
  await expect(note.getByRole("button", { name: "Agree" })).toHaveCount(0);
  await expect(note.getByRole("button", { name: "Withdraw" })).toBeVisible();
  await look(page, "prompt-proposed");
  for (const path of ["labels", "folders"]) {
    await open(page, `${HOME}/prompts/${path}`);
    await page.getByRole("button", { name: /^Actions for (staging|Customers)$/ }).click();
    await expect(page.getByRole("link", { name: /^Delete/ }).filter({ visible: true })).toContainText(/can do this|has this label/);
  }

  const admin = await (await newContext()).newPage();
  await comeBack(admin, BO);
  await open(admin, `${HOME}/prompts`);
  await expect(row(admin, "Support reply")).toContainText("v3 proposed for production");
  expect(await runs(latchkey.url)).toContain("Greet.");
  await open(admin, `${prompt}/versions`);
  await expect(admin.getByRole("button", { name: "Publish v3" })).toHaveCount(0);
  await press(admin, "Agree");
  await expect(heading(admin)).toContainText(/v3\s*production/);
  await expect(admin.getByRole("main")).toContainText("proposed by Cy Okafor");
  await expect.poll(() => runs(latchkey.url)).toContain("Greet by name.");
});

test("somebody else saves first", async ({ page, newContext, faults }) => {
  faults.allow(/status of 4\d\d .*\/fn\//);
  await comeBack(page, OWNER);
  const other = await (await newContext()).newPage();
  await comeBack(other, CY);
  await open(page, prompt);
  await open(other, prompt);
  await text(other, 1).fill("theirs");
  await press(other, "Save as v4");
  await expectSaid(other, /^Saved as v4/);
  // The page says so before anything is lost.
  const meanwhile = page.getByText("Somebody else has changed this meanwhile.");
  if (hasJavaScript()) await expect(meanwhile).toBeVisible({ timeout: 20_000 });
  await text(page, 1).fill("mine");
  await press(page, "Save as v4");
  await expect(page.getByRole("alert").filter({ hasText: "Somebody" })).toBeVisible();
  await expect(page.getByText("Somebody else saved another version meanwhile.")).toBeVisible();
  await expect(text(page, 1)).toHaveValue("mine");
  await press(page, "Save as v5");
  await expectSaid(page, /^Saved as v5/);
  await open(page, prompt);
  await expect(text(page, 1)).toHaveValue("mine");
});

test("on a phone the button that saves stays in view", async ({ page }) => {
  await comeBack(page, OWNER);
  await page.setViewportSize({ width: 360, height: 740 });
  await open(page, prompt);
  const save = page.getByRole("button", { name: "Save as v6" });
  await expect(save).toBeInViewport({ ratio: 1 });
  await page.getByText("Made by").scrollIntoViewIfNeeded();
  await expect(save).toBeInViewport({ ratio: 1 });
  await expect(page.getByText("Made by")).toBeInViewport();
});
