import { ConfigurationError } from "../../common/environment.ts";
import type { FunctionDefinition, Functions } from "./definition.ts";

/** What the store needs of the functions file. */
export interface FunctionsSource {
  read(): Promise<string>;
}

export interface FunctionsStoreOptions {
  readonly path: string;
  readonly parse: (text: string) => Functions;
  readonly onLoaded: (functions: Functions) => void;
  /** Called once for each new mistake after the first load, not at every look. */
  readonly onError: (message: string) => void;
}

/** The functions that hold now: those of the last file that was right. */
export class FunctionsStore {
  readonly #source: FunctionsSource;
  readonly #options: FunctionsStoreOptions;
  #functions: Functions = new Map();
  #text: string | undefined;
  #error: string | undefined;
  #started = false;
  #refreshing: Promise<void> | undefined;

  constructor(source: FunctionsSource, options: FunctionsStoreOptions) {
    this.#source = source;
    this.#options = options;
  }

  /** Reads the file for the first time. @throws ConfigurationError when it cannot be read or is not right */
  async load(): Promise<void> {
    await this.refresh();
    this.#started = true;
    if (this.#error !== undefined) throw new ConfigurationError(this.#error);
  }

  get(name: string): FunctionDefinition | undefined {
    return this.#functions.get(name);
  }

  get functions(): Functions {
    return this.#functions;
  }

  /** Why the file as it is now does not hold; undefined when it does. */
  get error(): string | undefined {
    return this.#error;
  }

  /** Looks whether the file has changed and takes it over if it is right; calls at the same time share one look. */
  refresh(): Promise<void> {
    this.#refreshing ??= this.#look().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  async #look(): Promise<void> {
    let text: string;
    try {
      text = await this.#source.read();
    } catch (error) {
      this.#text = undefined;
      this.#fail(`${this.#options.path}: cannot be read: ${error instanceof Error ? error.message : String(error)}`);
      return;
    }
    if (text === this.#text) return;
    this.#text = text;
    try {
      this.#functions = this.#options.parse(text);
    } catch (error) {
      if (!(error instanceof ConfigurationError)) throw error;
      this.#fail(error.message);
      return;
    }
    this.#error = undefined;
    this.#options.onLoaded(this.#functions);
  }

  #fail(message: string): void {
    if (message === this.#error) return;
    this.#error = message;
    if (this.#started) this.#options.onError(message);
  }
}
