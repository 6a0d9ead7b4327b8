import { LRUCache } from "lru-cache";
import { exists, LogsError, notFound } from "./errors.ts";

export interface LogGroup {
  readonly name: string;
  readonly createdAtMs: number;
  retentionDays?: number | undefined;
}

export interface LogStream {
  readonly group: string;
  readonly name: string;
  readonly createdAtMs: number;
  /** Of its events, in milliseconds since 1970; absent: none came yet. */
  firstEventMs?: number | undefined;
  lastEventMs?: number | undefined;
  lastIngestionMs?: number | undefined;
}

export interface GroupsContent {
  readonly groups: LogGroup[];
  readonly streams: LogStream[];
}

const mostGroups = 1000;
/** Of all groups; beyond it, the stream that has been out of use for longest is forgotten. */
const mostStreams = 10_000;

/**
 * The log groups and streams that functions have made, and the one group that each function has: what they are called,
 * not what is in them.
 */
export class LogGroups {
  readonly #groups = new Map<string, LogGroup>();
  readonly #streams = new LRUCache<string, LogStream>({ max: mostStreams });
  readonly #onChanged: () => void;

  constructor(content: GroupsContent, onChanged: () => void = () => undefined) {
    for (const group of content.groups) this.#groups.set(group.name, group);
    for (const stream of content.streams) this.#streams.set(keyOf(stream.group, stream.name), stream);
    this.#onChanged = onChanged;
  }

  get content(): GroupsContent {
    return {
      groups: [...this.#groups.values()],
      streams: [...this.#streams.rvalues()].filter((stream) => stream !== undefined),
    };
  }

  /** A worker writes: its function's group is there, and in it the stream that the worker was told. */
  introduce(
    caller: { readonly function: string; readonly instanceId: string },
    stream: string | undefined,
    nowMs: number,
  ) {
    const group = `/aws/lambda/${caller.function}`;
    if (!this.#groups.has(group)) this.#groups.set(group, { name: group, createdAtMs: nowMs });
    const own = `[$LATEST]${caller.instanceId.replaceAll("-", "")}`;
    if (stream === undefined || !stream.endsWith(own) || this.#streams.has(keyOf(group, stream))) return;
    this.#streams.set(keyOf(group, stream), { group, name: stream, createdAtMs: nowMs });
  }

  /** @throws LogsError */
  createGroup(name: string, nowMs: number): void {
    if (this.#groups.has(name)) throw exists("group");
    if (this.#groups.size >= mostGroups) throw new LogsError("LimitExceededException", "Resource limit exceeded.");
    this.#groups.set(name, { name, createdAtMs: nowMs });
    this.#onChanged();
  }

  /** @throws LogsError */
  createStream(group: string, name: string, nowMs: number): void {
    this.group(group);
    if (this.#streams.has(keyOf(group, name))) throw exists("stream");
    this.#streams.set(keyOf(group, name), { group, name, createdAtMs: nowMs });
    this.#onChanged();
  }

  /** @throws LogsError when there is none */
  group(name: string): LogGroup {
    const found = this.#groups.get(name);
    if (found === undefined) throw notFound("group");
    return found;
  }

  /** @throws LogsError when there is none */
  stream(group: string, name: string): LogStream {
    this.group(group);
    const found = this.#streams.get(keyOf(group, name));
    if (found === undefined) throw notFound("stream");
    return found;
  }

  /** By name. */
  groups(): LogGroup[] {
    return [...this.#groups.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Of one group, by name. @throws LogsError when there is no such group */
  streams(group: string): LogStream[] {
    this.group(group);
    const own = [...this.#streams.values()].filter((stream) => stream.group === group);
    return own.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Events have come. */
  touch(stream: LogStream, firstMs: number, lastMs: number, nowMs: number): void {
    stream.firstEventMs = Math.min(stream.firstEventMs ?? firstMs, firstMs);
    stream.lastEventMs = Math.max(stream.lastEventMs ?? lastMs, lastMs);
    stream.lastIngestionMs = nowMs;
    this.#onChanged();
  }

  /** @throws LogsError when there is none */
  setRetention(name: string, days: number | undefined): void {
    this.group(name).retentionDays = days;
    this.#onChanged();
  }

  /** @throws LogsError when there is none */
  deleteGroup(name: string): void {
    for (const stream of this.streams(name)) this.#streams.delete(keyOf(name, stream.name));
    this.#groups.delete(name);
    this.#onChanged();
  }

  /** @throws LogsError when there is none */
  deleteStream(group: string, name: string): void {
    this.stream(group, name);
    this.#streams.delete(keyOf(group, name));
    this.#onChanged();
  }
}

const keyOf = (group: string, stream: string) => `${group}\0${stream}`;
