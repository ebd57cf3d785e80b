// Every room, held to what people can rely on in all of them (support/contract.ts says what). What only one room has is
// walked in a spec of its own.
import {
  EVERYTHING,
  type Paths,
  type Room,
  expectCreate,
  expectDelete,
  expectStaleSave,
  expectVerbs,
} from "../support/contract.ts";
import {
  BO,
  CY,
  OWNER,
  choose,
  comeBack,
  expect,
  expectPage,
  invite,
  join,
  keepSession,
  signIn,
  takeSecret,
  test,
} from "../support/index.ts";

test.describe.configure({ mode: "serial", timeout: 120_000 });

const VIRTUAL_KEYS: Room = {
  title: "Virtual keys",
  path: "virtual-keys",
  thing: "OpenAI main",
  empty: { heading: "No virtual keys yet", sentence: "Store a provider's credential once, sealed." },
  create: {
    link: "New virtual key",
    title: "New virtual key",
    button: "Create virtual key",
    fill: async (page, name) => {
      await page.getByLabel("Name", { exact: true }).fill(name);
      await page.getByLabel("Credential", { exact: true }).fill("sk-main");
    },
    refused: { field: "Credential", value: "", error: "OpenAI needs a credential." },
  },
  edit: {
    field: "Description (optional)",
    button: "Save",
    saved: (page) => expect(page.getByText(/[Ss]aved\. New calls use it at once\./).filter({ visible: true })).toBeVisible(),
  },
  remove: { item: "Delete", title: (name) => `Delete ${name}`, button: (name) => `Delete ${name}`, keep: "Cancel" },
  may: { Admin: EVERYTHING, Member: ["list"] },
};

/** A late save is walked in configs.spec.ts: it has no second field of one line. */
const CONFIGS: Room = {
  title: "Configs",
  path: "configs",
  thing: "Resilient chat",
  empty: { heading: "No configs yet", sentence: "A config says which provider a call goes to" },
  create: {
    link: "New config",
    title: "New config",
    button: "Create config",
    fill: async (page, name) => {
      await page.getByLabel("Name", { exact: true }).fill(name);
      await page.getByRole("textbox", { name: "Config", exact: true }).fill('{"retry": {"attempts": 2}}');
    },
    refused: { field: "Name", value: "", error: "The name is needed." },
  },
  remove: { item: "Delete", title: (name) => `Delete ${name}`, button: (name) => `Delete ${name}`, keep: "Cancel" },
  may: { Admin: EVERYTHING, Member: ["list", "create"] },
};

/** A late save is walked in guardrails.spec.ts. */
const GUARDRAILS: Room = {
  title: "Guardrails",
  path: "guardrails",
  thing: "No codes",
  empty: { heading: "No guardrails yet", sentence: "A guardrail checks what is sent to a provider" },
  create: {
    link: "New guardrail",
    title: "New guardrail",
    button: "Create guardrail",
    fill: async (page, name) => {
      await page.getByLabel("Name", { exact: true }).fill(name);
      if (!(await page.getByLabel("Pattern", { exact: true }).isVisible())) {
        await page.getByLabel("Another check").selectOption("Regular expression");
        await page.getByRole("button", { name: "Add check" }).click();
      }
      await page.getByLabel("Pattern", { exact: true }).fill("INV");
    },
    refused: { field: "Pattern", value: "([a-z", error: "This is not a valid pattern" },
  },
  remove: { item: "Delete", title: (name) => `Delete ${name}`, button: (name) => `Delete ${name}`, keep: "Cancel" },
  may: { Admin: EVERYTHING, Member: ["list", "create", "update"] },
};

/** A late save is walked in prompts.spec.ts. */
const PROMPTS: Room = {
  title: "Prompts",
  path: "prompts",
  thing: "Support reply",
  empty: { heading: "No prompts yet", sentence: "A prompt is a text with variables that programs run by name" },
  create: {
    link: "New prompt",
    title: "New prompt",
    button: "Create prompt",
    fill: async (page, name) => {
      await page.getByLabel("Name", { exact: true }).fill(name);
      await page.getByLabel("Text of message 2", { exact: true }).fill("Say hello.");
    },
    refused: { field: "Name", value: "", error: "The name is needed." },
  },
  remove: { item: "Delete", title: (name) => `Delete ${name}`, button: (name) => `Delete ${name}`, keep: "Cancel" },
  may: { Admin: EVERYTHING, Member: ["list", "create", "update"] },
};

/** Never empty: the master key is there from the start. */
const API_KEYS: Room = {
  title: "API keys",
  path: "api-keys",
  thing: "nightly-run",
  create: {
    link: "New key",
    title: "New API key",
    button: "Create key",
    fill: async (page, name) => {
      await page.getByLabel("Name", { exact: true }).fill(name);
      await page.getByRole("combobox", { name: "Level of Prompts" }).selectOption("delete");
    },
    refused: { field: "Name", value: "", error: "The name is needed." },
    made: async (page, name) => void (await takeSecret(page, name)),
  },
  edit: { field: "Description (optional)", button: /^Save/, saved: (page) => expectPage(page, "API keys") },
  remove: { item: "Delete", title: (name) => `Delete ${name}`, button: () => "Delete key", keep: "Cancel" },
  may: { Admin: EVERYTHING, Member: [] },
};

const INVITATIONS: Room = {
  title: "Invitations",
  path: "team/invitations",
  section: "Team",
  thing: "dee@example.com",
  empty: { heading: "No invitation waits", sentence: "Invite people by e-mail, many at once." },
  create: {
    link: "Invite people",
    title: "Invite people",
    button: "Invite",
    fill: async (page, name) => {
      await page.getByLabel("E-mail addresses").fill(name);
      await choose(page, "Admin");
    },
    refused: { field: "E-mail addresses", value: " ", error: "Type at least one e-mail address." },
    made: (page) => expect(page.getByRole("heading", { name: "1 person invited as Admin" })).toBeVisible(),
  },
  remove: {
    item: "Revoke",
    title: (name) => `Revoke the invitation to ${name}`,
    button: () => "Revoke",
    keep: "Cancel",
  },
  may: { Admin: ["list", "create", "delete"], Member: [] },
};

const ROOMS = [VIRTUAL_KEYS, PROMPTS, CONFIGS, GUARDRAILS, API_KEYS, INVITATIONS];
const ROLES = [
  ["Admin", BO],
  ["Member", CY],
] as const;

/** Of each room by its title, once the Owner has been there. */
const paths = new Map<string, Paths>();
const pathsOf = ({ title }: Room) => paths.get(title) ?? { create: "", remove: "" };

test("an Owner, an Admin and a Member are there", async ({ page, newContext }) => {
  await signIn(page);
  await keepSession(page.context(), OWNER);
  for (const [role, person] of ROLES) {
    const [link] = await invite(page, role, [person.email]);
    const context = await newContext();
    await join(await context.newPage(), link ?? "", person);
    await keepSession(context, person);
  }
});

for (const room of ROOMS) {
  test(`${room.title}: one is made, after a refusal`, async ({ page, faults }) => {
    faults.allow(/status of 4\d\d .*\/fn\//);
    await comeBack(page, OWNER);
    paths.set(room.title, await expectCreate(page, room));
  });
}

// The document is the same without JavaScript; what each role may do there, the server decides (its own tests).
for (const [role, person] of ROLES) {
  test(`each room shows ${role}s what they may do @js`, async ({ page }) => {
    await comeBack(page, person);
    for (const room of ROOMS) await test.step(room.title, () => expectVerbs(page, room, room.may[role], pathsOf(room)));
  });
}

for (const room of ROOMS) {
  const { edit } = room;
  if (edit) {
    test(`${room.title}: somebody else saves first`, async ({ page, newContext, faults }) => {
      faults.allow(/status of 4\d\d .*\/fn\//);
      const other = await (await newContext()).newPage();
      await comeBack(other, room.may.Admin.includes("update") ? BO : OWNER);
      await comeBack(page, OWNER);
      await expectStaleSave(page, other, room, edit);
    });
  }

  test(`${room.title}: one is deleted, after a question`, async ({ page }) => {
    await comeBack(page, OWNER);
    await expectDelete(page, room, pathsOf(room));
  });
}
