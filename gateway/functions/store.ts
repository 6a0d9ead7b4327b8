import { ReloadedFile } from "../../common/files/reloaded.ts";
import type { FunctionDefinition, Functions } from "./definition.ts";

/** The functions that hold now: those of the last file that was right. */
export class FunctionsStore extends ReloadedFile<Functions> {
  get(name: string): FunctionDefinition | undefined {
    return this.value.get(name);
  }
}
