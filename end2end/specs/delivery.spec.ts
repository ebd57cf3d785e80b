// The delivery of the audit log: a webhook is set up, its secret is shown once, and events come signed and in order; it is
// paused, tried, resumed, changed and deleted. The receiver is one of this walk on the loopback, which the instances of
// these walks may call (LATCHKEY_ALLOW_UPSTREAM): nothing else is ever called or looked up.
import { createHmac } from "node:crypto";
import { type IncomingHttpHeaders, type Server, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import {
  BO,
  CY,
  HOME,
  choose,
  createApiKey,
  expect,
  expectClosed,
  expectFits,
  expectNoAxe,
  expectPage,
  expectSaid,
  expectWithout,
  fact,
  hasJavaScript,
  hydrated,
  invite,
  join,
  open,
  row,
  signIn,
  test,
} from "../support/index.ts";
import type { Page } from "@playwright/test";

test.describe.configure({ mode: "serial", timeout: 120_000 });

const DELIVERY = `${HOME}/audit/delivery`;

interface Message {
  headers: IncomingHttpHeaders;
  body: string;
}

interface Told {
  seq: number;
  previous: string;
  hash: string;
  event: { action: string };
}

/** Takes webhooks, and keeps those that it has taken. */
class Receiver {
  /** What it answers; anything but 2xx is a refusal. */
  status = 204;
  readonly taken: Message[] = [];
  private readonly server: Server;

  constructor() {
    this.server = createServer((request, response) => {
      let body = "";
      request.setEncoding("utf8");
      request.on("data", (part: string) => (body += part));
      request.on("end", () => {
        if (this.status < 300) this.taken.push({ headers: request.headers, body });
        response.writeHead(this.status).end();
      });
    });
  }

  listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.server.once("error", reject).listen(0, "127.0.0.1", resolve);
    });
  }

  close(): void {
    this.server.close();
    this.server.closeAllConnections();
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/audit`;
  }

  /** The events of what it has taken in Latchkey's own form, in the order in which they came. */
  events(): Told[] {
    return this.taken
      .map(({ body }) => JSON.parse(body) as { type?: string; data: { events: Told[] } })
      .flatMap((message) => (message.type === "audit.events" ? message.data.events : []));
  }

  /** Waits until an event of this action has come. */
  async has(action: string): Promise<void> {
    await expect.poll(() => this.events().map(({ event }) => event.action), { timeout: 20_000 }).toContain(action);
  }
}

let receiver: Receiver;
/** The secrets as they were shown, the newest last. */
const secrets: string[] = [];
/** How many messages had come when the delivery was deleted. */
let ended = 0;

test.beforeAll(async () => {
  receiver = new Receiver();
  secrets.length = 0;
  await receiver.listen();
});

test.afterAll(() => receiver.close());

/** A message is signed with each of these secrets, in their order, as Standard Webhooks says. */
function expectSigned({ headers, body }: Message, by: string[]): void {
  const signed = `${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${body}`;
  const expected = by.map((secret) => {
    const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
    return `v1,${createHmac("sha256", key).update(signed).digest("base64")}`;
  });
  expect(String(headers["webhook-signature"]).split(" ")).toEqual(expected);
  expect(Math.abs(Date.now() / 1000 - Number(headers["webhook-timestamp"]))).toBeLessThan(300);
}

const url = (page: Page) => page.getByLabel("URL", { exact: true });
const shownSecret = (page: Page) => page.getByRole("group", { name: "signing secret", exact: true });

/** Without JavaScript the button posts the form, and the page comes back. */
async function press(page: Page, name: string): Promise<void> {
  await page.getByRole("button", { name, exact: true }).click();
  await hydrated(page);
}

/** Reads the secret that is shown this once, and says that it is saved. */
async function keepSecret(page: Page): Promise<void> {
  await expect(page.getByRole("heading", { name: "Signing secret" })).toBeVisible();
  const secret = await shownSecret(page).innerText();
  expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
  expect(secrets).not.toContain(secret);
  secrets.push(secret);
  if (hasJavaScript()) await page.getByRole("button", { name: /signing secret$/ }).click();
}

/** Waits until nothing waits to be delivered. */
async function expectUpToDate(page: Page): Promise<void> {
  await expect(async () => {
    await open(page, DELIVERY);
    await expect(fact(page, "State")).toHaveText("Up to date", { timeout: 500 });
  }).toPass();
  await expect(fact(page, "Waiting")).toHaveText("No event");
}

test("a webhook is set up, its secret is shown once, and events come signed", async ({ page, faults }) => {
  faults.allow(/status of 4\d\d .*\/fn\//);
  await signIn(page);
  await open(page, `${HOME}/audit`);
  await page.getByRole("main").getByRole("link", { name: "Delivery", exact: true }).click();
  await expectPage(page, "Delivery of the audit log");
  await hydrated(page);
  await expect(page.getByRole("heading", { name: "Set up a webhook" })).toBeVisible();
  await expect(page.getByRole("radio", { name: /^Events\b/ })).toBeChecked();
  await expect(page.getByRole("radio", { name: /^With what happens from now on\b/ })).toBeChecked();
  await expectNoAxe(page);
  await expectFits(page, "delivery-none");

  // An address that is not public is refused without a look-up.
  await url(page).fill("https://10.0.0.1/audit");
  await choose(page, "OCSF");
  await press(page, "Set up");
  const problem = page.getByRole("alert").filter({ hasText: "The delivery is not set up" });
  await expect(problem).toBeVisible();
  await expect(url(page)).toHaveAttribute("aria-invalid", "true");
  await expect(url(page)).toHaveValue("https://10.0.0.1/audit");
  await expect(page.getByRole("radio", { name: /^OCSF\b/ })).toBeChecked();
  await expect(shownSecret(page)).toHaveCount(0);
  await expectNoAxe(page);

  await url(page).fill(receiver.url);
  await choose(page, "Events");
  await press(page, "Set up");
  await keepSecret(page);
  await expect(page.getByRole("heading", { name: "Webhook of this organisation" })).toBeVisible();
  await expectNoAxe(page);
  await expectFits(page, "delivery-secret");

  await receiver.has("audit.set_delivery");
  expect(receiver.events()[0]?.event.action, "the first event is the one that sets up the delivery").toBe("audit.set_delivery");
  for (const message of receiver.taken) expectSigned(message, secrets);
  await expectUpToDate(page);
  await expect(fact(page, "Delivered up to")).toContainText(/^Event #\d+, /);
  await expect(url(page)).toHaveValue(receiver.url);
  await expectWithout(page, secrets[0] ?? "");
  await expect(shownSecret(page)).toHaveCount(0);
  await expectNoAxe(page);
  await expectFits(page, "delivery");
});

test("while it is paused events wait and it can be tried, and then they come in order", async ({ page, faults }) => {
  faults.allow(/status of 4\d\d .*\/fn\//);
  await signIn(page);
  await expectUpToDate(page);
  await press(page, "Pause");
  await expectSaid(page, /^The delivery is paused/);
  await expect(fact(page, "State")).toHaveText("Paused");
  await expect(page.getByRole("button", { name: "Pause", exact: true })).toHaveCount(0);
  await createApiKey(page, "made meanwhile");
  await open(page, DELIVERY);
  await expect(fact(page, "State")).toHaveText("Paused");
  await expect(fact(page, "Waiting")).toHaveText(/^\d+ events$/);

  receiver.status = 503;
  await press(page, "Send a test");
  await expect(page.getByRole("alert").filter({ hasText: "The receiver answered with status 503." })).toBeVisible();
  receiver.status = 204;
  await press(page, "Send a test");
  await expect(page.getByText("The receiver has taken the test.")).toBeVisible();
  const tried = receiver.taken.at(-1);
  expect(tried && JSON.parse(tried.body)).toMatchObject({ type: "audit.test" });
  if (tried) expectSigned(tried, secrets);
  const { length } = receiver.taken;
  expect(receiver.events().map(({ event }) => event.action)).not.toContain("api_key.create");

  await open(page, DELIVERY);
  await press(page, "Resume");
  await expectSaid(page, /^Delivery has been resumed/);
  await receiver.has("audit.resume_delivery");
  expect(receiver.taken.length).toBeGreaterThan(length);
  const events = receiver.events();
  const actions = events.map(({ event }) => event.action);
  for (const action of ["audit.pause_delivery", "api_key.create", "audit.test_delivery"]) expect(actions).toContain(action);
  events.forEach((event, index) => {
    const before = events[index - 1];
    if (!before) return;
    expect(event.seq, "no event is missing, and none comes twice").toBe(before.seq + 1);
    expect(event.previous).toBe(before.hash);
  });
  await expectUpToDate(page);
});

test("its secret is rotated, and the one before signs as well", async ({ page }) => {
  await signIn(page);
  await open(page, DELIVERY);
  await press(page, "Rotate the secret");
  await keepSecret(page);
  expect(secrets).toHaveLength(2);
  await receiver.has("audit.rotate_delivery_secret");
  await open(page, DELIVERY);
  await expect(fact(page, "Signing secret")).toContainText("The one before signs as well until");
  for (const secret of secrets) await expectWithout(page, secret);
  await press(page, "Send a test");
  await expect(page.getByText("The receiver has taken the test.")).toBeVisible();
  const tried = receiver.taken.findLast(({ body }) => body.includes('"audit.test"'));
  expect(tried).toBeDefined();
  if (tried) expectSigned(tried, secrets.toReversed());
});

test("it is changed to another form, and deleted", async ({ page }) => {
  await signIn(page);
  await expectUpToDate(page);
  await choose(page, "OCSF");
  await press(page, "Save");
  await expectSaid(page, /^The delivery is saved/);
  await expect
    .poll(() => receiver.taken.map(({ body }) => body).filter((body) => body.startsWith("[")).join(), { timeout: 20_000 })
    .toContain("audit.set_delivery");
  const changed = JSON.parse(receiver.taken.find(({ body }) => body.startsWith("["))?.body ?? "[]") as { class_uid: number }[];
  expect(changed.map(({ class_uid }) => class_uid)).toEqual(changed.map(() => 6003));
  await expectUpToDate(page);
  await expect(page.getByRole("radio", { name: /^OCSF\b/ })).toBeChecked();

  ended = receiver.taken.length;
  await press(page, "Delete");
  await expectSaid(page, /^The delivery is deleted/);
  await expect(page.getByRole("heading", { name: "Set up a webhook" })).toBeVisible();
  await expect(page.getByRole("heading", { name: "Webhook of this organisation" })).toHaveCount(0);
  await open(page, `${HOME}/audit`);
  await expect(row(page, "audit.delete_delivery")).toHaveCount(1);
});

test("an Admin has the whole log delivered, and a Member sees nothing of it", async ({ page, newContext }) => {
  await signIn(page);
  const [forBo = ""] = await invite(page, "Admin", [BO.email]);
  const [forCy = ""] = await invite(page, "Member", [CY.email]);
  const admin = await (await newContext()).newPage();
  await join(admin, forBo, BO);
  await open(admin, DELIVERY);
  await url(admin).fill(receiver.url);
  await choose(admin, "Events");
  await choose(admin, "With the first event of the log");
  await press(admin, "Set up");
  await keepSecret(admin);
  await expect.poll(() => receiver.taken.length, { timeout: 20_000 }).toBeGreaterThan(ended);
  // Of the delivery that was deleted nothing came after its end: what comes next is the first event of the log.
  const next = JSON.parse(receiver.taken[ended]?.body ?? "{}") as { data?: { events: Told[] } };
  expect(next.data?.events[0]?.seq).toBe(1);
  await expectUpToDate(admin);
  await press(admin, "Delete");
  await expectSaid(admin, /^The delivery is deleted/);

  const member = await (await newContext()).newPage();
  await join(member, forCy, CY);
  await open(member, HOME);
  await expect(member.getByRole("navigation", { name: "Console" }).getByRole("link", { name: "Audit log" })).toHaveCount(0);
  await expectClosed(member, DELIVERY);
  await expect(member.getByRole("main")).toContainText("Owners and Admins");
  await expect(url(member)).toHaveCount(0);
  await expectNoAxe(member);
});
