import type { Page } from "puppeteer-core";
import { patienceMs } from "./browser.ts";

/** A reader of `/docs`. */
export interface DocsReader {
  /** What the browser complained of, such as the page's own Content-Security-Policy, and what it failed to load. */
  readonly complaints: readonly string[];
  /** Origins that anything was loaded from. */
  readonly origins: ReadonlySet<string>;
  /** Puts a credential into the form that "Authorize" opens. */
  authorize(scheme: "token" | "apiKey", value: string): Promise<void>;
  /** Opens an operation, fills in its path parameter and "executes" it. @returns status and body, as they are shown */
  tryIt(method: string, path: string, parameter: string): Promise<{ readonly status: string; readonly body: string }>;
}

/** Opens `/docs` and waits until it shows operations. */
export async function readDocs(page: Page, url: string): Promise<DocsReader> {
  const complaints: string[] = [];
  const origins = new Set<string>();
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warn") complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("requestfailed", (request) => complaints.push(`${request.url()}: ${request.failure()?.errorText}`));
  page.on("request", (request) => {
    if (!request.url().startsWith("data:")) origins.add(new URL(request.url()).origin);
  });
  page.setDefaultTimeout(patienceMs);
  await page.goto(`${url}/docs`);
  await page.waitForSelector(".opblock");
  return {
    complaints,
    origins,
    async authorize(scheme, value) {
      // The schemes are in the document's order: SigV4, API key, token.
      const form = `.auth-container:nth-child(${scheme === "token" ? 3 : 2})`;
      await page.locator(".btn.authorize").click();
      // Puppeteer's `fill` sets long texts in a way that the page does not hear of.
      await page.locator(`${form} input`).click();
      await page.keyboard.sendCharacter(value);
      await page.locator(`${form} button.authorize`).click();
      await page.locator(".close-modal").click();
    },
    async tryIt(method, path, parameter) {
      const block = `.opblock-${method}:has([data-path="${path}"])`;
      await page.locator(`${block} .opblock-summary-control`).click();
      await page.locator(`${block} .parameters input`).fill(parameter);
      await page.locator(`${block} button.execute`).click();
      const shown = async (cell: string) => {
        const found = await page.locator(`${block} .live-responses-table ${cell}`).waitHandle();
        return String(await (await found.getProperty("textContent")).jsonValue());
      };
      return { status: await shown("tbody td.response-col_status"), body: await shown(".highlight-code code") };
    },
  };
}
