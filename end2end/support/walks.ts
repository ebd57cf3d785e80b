// Steps that many tests share, each done as a person does it: by role and label.
import { readFile } from "node:fs/promises";
import { type BrowserContext, type Locator, type Page, expect, test } from "@playwright/test";
import { OWNER } from "./program.ts";

/** The path of the seeded organisation. */
export const HOME = "/o/analytical-engines";

export interface Person {
  email: string;
  name: string;
  password: string;
}

export const BO: Person = { email: "bo@example.com", name: "Bo Lindqvist", password: "winding gears at seven" };
export const CY: Person = { email: "cy@example.com", name: "Cy Okafor", password: "punched cards in autumn" };

/** Whether this run has JavaScript. */
export function hasJavaScript(): boolean {
  return test.info().project.use.javaScriptEnabled !== false;
}

/** Goes to a path and, with JavaScript, waits until the page is hydrated: until then a click is a plain form's. */
export async function open(page: Page, path: string): Promise<void> {
  await page.goto(path);
  await hydrated(page);
}

/** With JavaScript, waits until the page in view is hydrated. */
export async function hydrated(page: Page): Promise<void> {
  if (hasJavaScript()) await page.locator("html[data-live]").waitFor({ state: "attached" });
}

/** The page's one heading of the first level. */
export async function expectPage(page: Page, title: string | RegExp): Promise<void> {
  // For a moment a loading page and the loaded one may both be there: a list of one is waited for.
  await expect(page.getByRole("heading", { level: 1 })).toContainText([title], { ignoreCase: true });
}

export async function signIn(page: Page, person: Person = OWNER): Promise<void> {
  await open(page, "/sign-in");
  await page.getByLabel("E-mail", { exact: true }).fill(person.email);
  await page.getByLabel("Password", { exact: true }).fill(person.password);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.waitForURL((url) => url.pathname.startsWith("/o/") || url.pathname === "/");
  await hydrated(page);
}

/** The sessions of those who have signed in, so that each does it once in a file. */
const sessions = new Map<Person, Awaited<ReturnType<BrowserContext["cookies"]>>>();

/** Keeps the session of whoever has signed in there. */
export async function keepSession(context: BrowserContext, person: Person): Promise<void> {
  sessions.set(person, await context.cookies());
}

/** Goes on with a session that was kept. */
export async function comeBack(page: Page, person: Person): Promise<void> {
  const kept = sessions.get(person);
  if (!kept) throw new Error(`${person.name} has not signed in`);
  await page.context().addCookies(kept);
}

/** What opens the panel of organisations; without JavaScript it is a link to the page of them. */
export function switcher(page: Page, organisation?: string, role?: string): Locator {
  const name = organisation ? `Organisation: ${organisation} ${role ?? ""}`.trim() : /^Organisation: /;
  return page.getByRole(hasJavaScript() ? "button" : "link", { name });
}

export async function signOut(page: Page): Promise<void> {
  const account = page.getByRole("button", { name: /^Account:/ });
  const out = page.getByRole("button", { name: "Sign out", exact: true });
  // Inside an organisation it stands in the person's panel; a page that one has just gone to may not show either yet.
  await expect(account.or(out).first()).toBeVisible();
  if (await account.isVisible()) await account.click();
  await out.click();
  await page.waitForURL(/\/sign-in$/);
  await hydrated(page);
}

/** Invites people in one role, and gives their links in the same order. */
export async function invite(page: Page, role: "Owner" | "Admin" | "Member", emails: string[]): Promise<string[]> {
  await open(page, `${HOME}/team/invite`);
  await page.getByLabel("E-mail addresses").fill(emails.join("\n"));
  await choose(page, role);
  await page.getByRole("button", { name: "Invite", exact: true }).click();
  const links: string[] = [];
  for (const email of emails) {
    const answer = page.getByRole("listitem").filter({ hasText: email });
    links.push(await answer.getByRole("code").innerText());
  }
  return links;
}

/** Opens an invitation signed out, and joins with a new account. */
export async function join(page: Page, link: string, person: Person): Promise<void> {
  await open(page, link);
  await page.getByLabel("Your name").fill(person.name);
  await page.getByLabel("Password", { exact: true }).fill(person.password);
  await page.getByRole("button", { name: "Create account and join" }).click();
  await page.waitForURL(/\/o\/[^/]+\?joined=yes$/);
  await hydrated(page);
}

/** Picks a radio card by its title. */
export async function choose(page: Page, title: string): Promise<void> {
  await page.getByRole("radio", { name: new RegExp(`^${title}\\b`) }).check({ force: true });
}

/** The row of a table that has this text. */
export function row(page: Page, text: string): Locator {
  return page.getByRole("row").filter({ hasText: text });
}

/** What stands beside a term in a list of facts. */
export function fact(page: Page, term: string): Locator {
  return page.locator(".fact").filter({ has: page.getByText(term, { exact: true }) }).locator("dd");
}

/** Waits until something is said to be done: in a toast with JavaScript, on the page without. */
export async function expectSaid(page: Page, words: string | RegExp): Promise<void> {
  await expect(page.getByText(words).filter({ visible: true }).first()).toBeVisible();
}

/** Somebody whose role does not reach so far gets 403 at this path, and is told what is missing and whom to ask. */
export async function expectClosed(page: Page, path: string): Promise<void> {
  expect((await page.goto(path))?.status(), path).toBe(403);
  await hydrated(page);
  await expect(page.getByRole("heading", { name: "Not for your role" })).toBeVisible();
  await expect.soft(page.getByRole("heading", { level: 1 }), `headings of the first level at ${path}`).toHaveCount(1);
  await expect(page.getByText("Missing permission")).toBeVisible();
  await expect(page.getByRole("main")).toContainText(OWNER.name);
}

/** Presses the button of an export, and gives the file's name and text. */
export async function exported(page: Page, button: string): Promise<[string, string]> {
  const coming = page.waitForEvent("download");
  await page.getByRole("button", { name: button }).click();
  const download = await coming;
  return [download.suggestedFilename(), await readFile(await download.path(), "utf8")];
}

/** Opens the menu of a row and presses what is in it. */
export async function fromMenu(page: Page, of: string, item: string): Promise<void> {
  // A press that lands beside a menu that still moves closes it.
  await page.emulateMedia({ reducedMotion: "reduce" });
  await page.getByRole("button", { name: `Actions for ${of}`, exact: true }).click();
  const menu = row(page, of);
  await menu.getByRole("link", { name: item, exact: true }).or(menu.getByRole("button", { name: item, exact: true })).click();
}

export interface VirtualKey {
  name: string;
  baseUrl: string;
  credential?: string;
}

/** Stores an OpenAI-compatible upstream; ends on the key's page. */
export async function createVirtualKey(page: Page, key: VirtualKey): Promise<void> {
  await open(page, `${HOME}/virtual-keys/new`);
  await page.getByLabel("Name", { exact: true }).fill(key.name);
  await page.getByLabel("Provider", { exact: true }).selectOption({ label: "OpenAI-compatible" });
  await page.getByLabel(/^Base URL/).fill(key.baseUrl);
  if (key.credential) await page.getByLabel(/^Credential/).fill(key.credential);
  await page.getByRole("button", { name: "Create virtual key" }).click();
  await expectPage(page, key.name);
  await hydrated(page);
}

/** Makes an API key with the levels named, and the defaults otherwise; gives its secret and goes back to the list. */
export async function createApiKey(page: Page, name: string, levels: Record<string, string> = {}): Promise<string> {
  await open(page, `${HOME}/api-keys/new`);
  await page.getByLabel("Name", { exact: true }).fill(name);
  for (const [feature, level] of Object.entries(levels)) {
    await page.getByRole("combobox", { name: `Level of ${feature}` }).selectOption(level);
  }
  await page.getByRole("button", { name: "Create key" }).click();
  return takeSecret(page, name);
}

/** Reads a secret that is shown once, says that it is saved, and goes on. */
export async function takeSecret(page: Page, name: string): Promise<string> {
  const secret = await page.getByRole("group", { name: `secret of ${name}` }).innerText();
  if (hasJavaScript()) await page.getByLabel("I have saved it").check();
  await page.getByRole("link", { name: "Done" }).click();
  await expectPage(page, "API keys");
  await hydrated(page);
  return secret;
}

/** Goes back; a browser without JavaScript does not even ask for the answer of a form again. */
export async function goBack(page: Page): Promise<void> {
  await page.goBack().catch((error: Error) => {
    if (!error.message.includes("ERR_CACHE_MISS")) throw error;
  });
}

/** The page as it stands, once it has come, holds no such text anywhere: not in what is hidden either. */
export async function expectWithout(page: Page, text: string): Promise<void> {
  // A page that is still coming cannot be read.
  await expect(async () => {
    await page.waitForLoadState();
    expect(await page.content()).not.toContain(text);
  }).toPass();
}

export interface Call {
  model: string;
  say?: string;
  stream?: boolean;
}

/** A chat call through the gateway, as a program makes it. */
export function callModel(origin: string, secret: string, call: Call): Promise<Response> {
  const { model, say = "Hello brass world", stream = false } = call;
  return fetch(`${origin}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${secret}`, "content-type": "application/json" },
    body: JSON.stringify({ model, stream, messages: [{ role: "user", content: say }] }),
  });
}

/** The error code of a refused call. */
export async function errorOf(response: Response): Promise<{ code: string; message: string }> {
  const { error } = (await response.json()) as { error: { code: string; message: string } };
  return error;
}
