// Whether the markup of pages is clean, as the server sends it. It stands by itself: few walks need the validator.
import type { Page } from "@playwright/test";
import { HtmlValidate } from "html-validate";
import { expect } from "./index.ts";
import { HOME } from "./walks.ts";

/** Holds pages, by their paths below the organisation, against the standard of HTML, and tells of each what is wrong. */
export async function expectCleanMarkup(page: Page, paths: string[]): Promise<void> {
  const validate = new HtmlValidate({
    extends: ["html-validate:standard"],
    // Style of the text between tags, which no browser minds.
    rules: { "no-trailing-whitespace": "off", "void-style": "off", "attribute-boolean-style": "off", "no-inline-style": "error" },
  });
  for (const path of paths) {
    const html = await (await page.request.get(`${HOME}${path}`, { headers: { accept: "text/html" } })).text();
    // Hydration finds its places by comments and by `<!>`, which is one to every browser.
    const report = await validate.validateString(html.replaceAll("<!>", "<!---->"));
    const lines = report.results.flatMap(({ messages }) =>
      messages.map((m) => `${path}:${m.line}:${m.column} ${m.ruleId}: ${m.message} ${m.selector}`),
    );
    expect.soft(lines, path).toEqual([]);
  }
}
