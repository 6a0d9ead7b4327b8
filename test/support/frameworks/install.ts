import { join } from "node:path";
import { installPackages } from "../npm-packages.ts";

/** Where the applications of other people's frameworks are. */
export const frameworksSource = join(import.meta.dirname, "../../fixtures/frameworks");

/** What the applications need, once for each package-lock.json. @returns the node_modules folder */
export function installFrameworks(): Promise<string> {
  return installPackages("frameworks/modules", frameworksSource);
}
