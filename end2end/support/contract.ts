// What people can rely on in every room, walked for each room of a list (specs/rooms.spec.ts):
//
// - an empty list says what belongs there and offers to make the first one;
// - a refused form says why beside the field, takes the focus there, and keeps what was typed;
// - where somebody else saved first, what was typed is kept and their text stands beside it, fields that were not touched
//   take over what they saved, and the second press saves;
// - nothing is deleted before a page has asked;
// - each role sees what it may do, and is told why it may not do the rest;
// - no page has axe findings, or scrolls sideways at 1280 or 360 px.
import type { Page } from "@playwright/test";
import { OWNER, expect, expectFits, expectNoAxe } from "./index.ts";
import { HOME, expectPage, fromMenu, hasJavaScript, hydrated, open, row } from "./walks.ts";

export type Verb = "list" | "create" | "update" | "delete";
export const EVERYTHING: Verb[] = ["list", "create", "update", "delete"];

export interface Edit {
  field: string;
  button: string | RegExp;
  /** Waits until it is saved. */
  saved: (page: Page) => Promise<void>;
}

export interface Room {
  /** Heading of the list. */
  title: string;
  /** Where the list is, below the organisation. */
  path: string;
  /** Its entry in the navigation, where that is not the title. */
  section?: string;
  /** Name of the one thing that the walk makes. */
  thing: string;
  /** What a list without anything says. A list that always holds something has none. */
  empty?: { heading: string; sentence: string };
  create: {
    /** The link in the list that leads to the form, and the heading there. */
    link: string;
    title: string;
    button: string;
    fill: (page: Page, name: string) => Promise<void>;
    /** One field that is refused with this value, and what it says then. */
    refused: { field: string; value: string; error: string };
    /** Waits until the thing is made, where it has no page of its own that shows its name. */
    made?: (page: Page, name: string) => Promise<void>;
  };
  /** A text field on the page of the thing, and its button. Things that cannot be changed have none. */
  edit?: Edit;
  /** What the row's menu calls it, the page that asks first, its button, and the link that leaves everything as it is. */
  remove: { item: string; title: (name: string) => string; button: (name: string) => string; keep: string };
  /** What the roles may do; an Owner may do everything. */
  may: { Admin: Verb[]; Member: Verb[] };
}

/** Said of what a role may not do: who may, and whom to ask. */
const REASON = new RegExp(`can do this\\. Ask ${OWNER.name}\\.`);

const list = (room: Room) => `${HOME}/${room.path}`;

async function look(page: Page, room: Room, name: string): Promise<void> {
  await expectNoAxe(page);
  await expectFits(page, `room-${room.path.replaceAll("/", "-")}-${name}`);
}

/** What stands in the fields that people see; a browser is never sent back a password. */
function typed(page: Page): Promise<Record<string, string | boolean>> {
  const fields = page.getByRole("main").locator("input:not([type=password]), select, textarea");
  return fields.evaluateAll((all) =>
    Object.fromEntries(
      (all as HTMLInputElement[])
        .filter((one) => one.name !== "" && one.checkVisibility({ visibilityProperty: true }))
        .map((one) => (/radio|checkbox/.test(one.type) ? [`${one.name} ${one.value}`, one.checked] : [one.name, one.value])),
    ),
  );
}

/** Where the form is that makes one, and the page that asks before it deletes, as the Owner's links lead there. */
export interface Paths {
  create: string;
  remove: string;
}

/** As Owner from the list through a refused form to the thing made. */
export async function expectCreate(page: Page, room: Room): Promise<Paths> {
  const { create, empty, thing } = room;
  await open(page, list(room));
  await expectPage(page, room.title);
  if (empty) {
    await expect(page.getByRole("heading", { name: empty.heading })).toBeVisible();
    await expect(page.getByText(empty.sentence)).toBeVisible();
    await look(page, room, "empty");
  }
  await page.getByRole("main").getByRole("link", { name: create.link, exact: true }).first().click();
  await expectPage(page, create.title);
  await hydrated(page);
  const path = new URL(page.url()).pathname;
  const press = () => page.getByRole("button", { name: create.button, exact: true }).click();

  await create.fill(page, thing);
  const field = page.getByLabel(create.refused.field, { exact: true });
  await field.fill(create.refused.value);
  const before = await typed(page);
  await press();
  const errors = page.getByRole("alert").filter({ hasText: create.refused.error });
  await expect(errors).toBeFocused();
  await expect(field).toHaveAttribute("aria-invalid", "true");
  await expect(field).toHaveAccessibleDescription(new RegExp(create.refused.error.replace(/[.?]/g, "\\$&")));
  expect(await typed(page), "what was typed").toEqual(before);
  await look(page, room, "refused");
  await errors.getByRole("link", { name: create.refused.error }).click();
  await expect(field).toBeFocused();
  if (hasJavaScript()) {
    await field.pressSequentially("a");
    await expect(field, "a field that was changed").not.toHaveAttribute("aria-invalid", "true");
  }

  await create.fill(page, thing);
  await press();
  await (create.made ?? expectPage)(page, thing);
  await open(page, list(room));
  const remove = row(page, thing).getByRole("link", { name: room.remove.item, exact: true, includeHidden: true });
  return { create: path, remove: (await remove.getAttribute("href")) ?? "" };
}

/** Two people have the page of the thing open, and `other` saves first. */
export async function expectStaleSave(page: Page, other: Page, room: Room, edit: Edit): Promise<void> {
  const show = async (tab: Page, name = room.thing) => {
    await open(tab, list(room));
    await tab.getByRole("link", { name, exact: true }).click();
    await expectPage(tab, name);
    await hydrated(tab);
  };
  const field = (tab: Page) => tab.getByLabel(edit.field, { exact: true });
  const press = (tab: Page) => tab.getByRole("button", { name: edit.button }).click();
  const name = (tab: Page) => tab.getByLabel("Name", { exact: true });
  const renamed = `${room.thing} again`;
  await show(page);
  await show(other);
  await field(other).fill("theirs");
  await name(other).fill(renamed);
  await press(other);
  await edit.saved(other);

  await field(page).fill("mine");
  await press(page);
  await expect(page.getByRole("alert").filter({ hasText: "Somebody" })).toBeFocused();
  await expect(field(page)).toHaveAccessibleDescription(/Stored meanwhile: theirs/);
  await expect(field(page)).toHaveValue("mine");
  await expect(name(page), "a field that was not touched").toHaveValue(renamed);
  await expect(name(page)).not.toHaveAccessibleDescription(/Stored meanwhile/);
  await look(page, room, "stale");
  await press(page);
  await edit.saved(page);

  await show(page, renamed);
  await expect(field(page)).toHaveValue("mine");
  await expect(field(page)).not.toHaveAccessibleDescription(/Stored meanwhile/);
  await name(page).fill(room.thing);
  await press(page);
  await edit.saved(page);
}

/** What somebody who may do just this sees in the room, and what they may press there. */
export async function expectVerbs(page: Page, room: Room, may: Verb[], paths: Paths): Promise<void> {
  const { create, edit, remove, thing } = room;
  const isClosed = async (path: string) => {
    expect((await page.goto(path))?.status(), path).toBe(403);
    await expectPage(page, "Not for your role");
    await expect(page.getByText("Missing permission")).toBeVisible();
    await expect(page.getByRole("main")).toContainText(OWNER.name);
  };
  const entry = page.getByRole("navigation", { name: "Console" }).getByRole("link", { name: room.section ?? room.title });
  if (!may.includes("list")) {
    await isClosed(list(room));
    await expect(entry).toHaveCount(0);
  } else {
    await open(page, list(room));
    await expectPage(page, room.title);
    await expect(entry).toBeVisible();
    await look(page, room, may.length > 1 ? "list" : "list-only");
    const link = page.getByRole("main").getByRole("link", { name: create.link, exact: true }).first();
    if (may.includes("create")) await expect(link).toHaveAttribute("href", paths.create);
    else await expect(link).toHaveAccessibleDescription(REASON);
    await page.getByRole("button", { name: `Actions for ${thing}`, exact: true }).click();
    const item = row(page, thing).getByRole("link", { name: remove.item });
    if (may.includes("delete")) await expect(item).toHaveAttribute("href", paths.remove);
    else await expect(item).toContainText(REASON);
    if (edit) {
      await open(page, list(room));
      await page.getByRole("link", { name: thing, exact: true }).click();
      await expectPage(page, thing);
      await expect(page.getByRole("button", { name: edit.button })).toHaveCount(may.includes("update") ? 1 : 0);
    }
  }
  if (may.includes("create")) {
    await open(page, paths.create);
    await expectPage(page, create.title);
    await expect(page.getByRole("button", { name: create.button, exact: true })).toBeEnabled();
  } else {
    await isClosed(paths.create);
  }
  if (may.includes("delete")) {
    await open(page, paths.remove);
    await expectPage(page, remove.title(thing));
    await expect(page.getByRole("button", { name: remove.button(thing), exact: true })).toBeEnabled();
  } else {
    await isClosed(paths.remove);
  }
}

/** As Owner from the list to the page that asks, back, and there again to delete the thing. */
export async function expectDelete(page: Page, room: Room, paths: Paths): Promise<void> {
  const { empty, remove, thing } = room;
  await open(page, list(room));
  await fromMenu(page, thing, remove.item);
  await expectPage(page, remove.title(thing));
  await hydrated(page);
  await look(page, room, "delete");
  await page.getByRole("main").getByRole("link", { name: remove.keep, exact: true }).click();
  await open(page, list(room));
  await expect(row(page, thing)).toBeVisible();
  await open(page, paths.remove);
  await page.getByRole("button", { name: remove.button(thing), exact: true }).click();
  await expectPage(page, room.title);
  await expect(row(page, thing)).toHaveCount(0);
  if (empty) await expect(page.getByRole("heading", { name: empty.heading })).toBeVisible();
}
