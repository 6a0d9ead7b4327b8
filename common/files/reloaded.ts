import { ConfigurationError } from "../environment.ts";

/** Where a file's text comes from, such as a WatchedFile. */
export interface FileSource {
  read(): Promise<string>;
}

export interface ReloadedFileOptions<T> {
  /** How the file is named in messages. */
  readonly path: string;
  /** @throws (or rejects with) ConfigurationError when the text is not right; its message names the place */
  readonly parse: (text: string) => T | Promise<T>;
  readonly onLoaded: (value: T) => void;
  /** Called once for each new mistake after the first load, not at every look. */
  readonly onError: (message: string) => void;
}

/** What a file says, taken over whenever it changes: the last text that was right holds. */
export class ReloadedFile<T> {
  readonly #source: FileSource;
  readonly #options: ReloadedFileOptions<T>;
  #held: { readonly value: T } | undefined;
  #text: string | undefined;
  #error: string | undefined;
  #started = false;
  #stale = false;
  #refreshing: Promise<void> | undefined;

  constructor(source: FileSource, options: ReloadedFileOptions<T>) {
    this.#source = source;
    this.#options = options;
  }

  /** Reads the file for the first time. @throws ConfigurationError when it cannot be read or is not right */
  async load(): Promise<void> {
    await this.refresh();
    this.#started = true;
    if (this.#error !== undefined) throw new ConfigurationError(this.#error);
  }

  /** What holds now; there is nothing before the first load has ended well. */
  get value(): T {
    if (this.#held === undefined) throw new Error(`${this.#options.path} is not loaded yet`);
    return this.#held.value;
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

  /** Judges the file anew even if its text is the same, because something else has changed that it refers to. */
  async reconsider(): Promise<void> {
    if (!this.#started) return;
    this.#stale = true;
    await this.refresh();
  }

  async #look(): Promise<void> {
    do await this.#lookOnce();
    while (this.#stale);
  }

  async #lookOnce(): Promise<void> {
    let text: string;
    const stale = this.#stale;
    this.#stale = false;
    try {
      text = await this.#source.read();
    } catch (error) {
      this.#text = undefined;
      this.#fail(`${this.#options.path}: cannot be read: ${error instanceof Error ? error.message : String(error)}`);
      return;
    }
    if (text === this.#text && !stale) return;
    this.#text = text;
    try {
      this.#held = { value: await this.#options.parse(text) };
    } catch (error) {
      if (!(error instanceof ConfigurationError)) throw error;
      this.#fail(error.message);
      return;
    }
    this.#error = undefined;
    this.#options.onLoaded(this.#held.value);
  }

  #fail(message: string): void {
    if (message === this.#error) return;
    this.#error = message;
    if (this.#started) this.#options.onError(message);
  }
}
