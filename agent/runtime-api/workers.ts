import type { Server } from "node:http";
import type { Socket } from "node:net";
import type { Admission } from "../../proto/gen/esb/runtime/v1/runtime.ts";
import { Listener, placeOf, SharedListeners } from "./listeners.ts";
import type { WorkerSession } from "./session.ts";

/** A runtime needs one connection, each extension one or two, and whatever their own agents hold open. */
const mostConnectionsPerWorker = 32;
const defaultInitTimeoutMs = 10_000;
/** Who is refused has so long to read why, and so many at once; a worker that is driven otherwise is one of them. */
const strangerWithinMs = 1000;
const mostStrangers = 64;

/** What the agent asked for cannot be: `why` decides about the status that it gets. */
export class AdmissionError extends Error {
  readonly why: "taken" | "cannot-listen";

  constructor(why: AdmissionError["why"], message: string) {
    super(message);
    this.why = why;
  }
}

interface Admitted {
  readonly admission: Admission;
  readonly session: WorkerSession;
  readonly sockets: Set<Socket>;
  /** How the worker is known: its source address at the place where it is served, or that place alone. */
  readonly key: string;
  readonly release: () => void;
}

export interface WorkersParts {
  /** Servers that get the connections of runtimes and of the gateway. */
  readonly runtimeServer: Server;
  readonly invocationServer: Server;
  readonly createSession: (admission: Admission) => WorkerSession;
  readonly onStranger: (address: string | undefined) => void;
}

/** The workers that there are, and who of them each connection belongs to. */
export class Workers {
  readonly #parts: WorkersParts;
  readonly #byInstance = new Map<string, Promise<Admitted>>();
  readonly #byKey = new Map<string, Admitted | "reserved">();
  readonly #shared = new SharedListeners((socket, place) => this.#onRuntimeConnection(socket, place));
  readonly #sessions = new WeakMap<Socket, WorkerSession>();
  #strangers = 0;

  constructor(parts: WorkersParts) {
    this.#parts = parts;
  }

  /** Whose connection it is; undefined: its worker has been forgotten. */
  sessionOf(socket: Socket): WorkerSession | undefined {
    return this.#sessions.get(socket);
  }

  /** @throws AdmissionError */
  async admit(admission: Admission): Promise<void> {
    const { instanceId } = admission;
    const known = this.#byInstance.get(instanceId);
    if (known !== undefined) {
      await known;
      return;
    }
    const admitted = this.#admit(admission);
    this.#byInstance.set(instanceId, admitted);
    try {
      await admitted;
    } catch (error) {
      this.#byInstance.delete(instanceId);
      throw error;
    }
  }

  /** Undefined: it is not admitted. */
  async session(instanceId: string): Promise<WorkerSession | undefined> {
    return (await this.#find(instanceId))?.session;
  }

  async forget(instanceId: string): Promise<void> {
    const admitted = await this.#find(instanceId);
    if (admitted === undefined || !this.#byInstance.delete(instanceId)) return;
    this.#byKey.delete(admitted.key);
    admitted.session.close();
    for (const socket of admitted.sockets) socket.destroy();
    admitted.release();
  }

  async list(): Promise<readonly { admission: Admission; session: WorkerSession }[]> {
    const all = await Promise.allSettled(this.#byInstance.values());
    return all.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
  }

  /** Ends all listeners and connections. */
  async close(): Promise<void> {
    await Promise.all([...this.#byInstance.keys()].map((instanceId) => this.forget(instanceId)));
  }

  #find(instanceId: string): Promise<Admitted | undefined> {
    return this.#byInstance.get(instanceId)?.catch(() => undefined) ?? Promise.resolve(undefined);
  }

  async #admit(admission: Admission): Promise<Admitted> {
    const place = placeOf(admission.runtimeAddress, admission.runtimePort);
    const key = keyOf(place, admission.sourceAddress);
    const holder = this.#byKey.get(key);
    // An address comes back only when nothing of its former worker is left, of which we may hear later, or never.
    if (admission.sourceAddress !== "" && holder !== undefined && holder !== "reserved") {
      await this.forget(holder.admission.instanceId);
    }
    if (this.#byKey.has(key)) throw new AdmissionError("taken", `${key} is another worker's`);
    this.#byKey.set(key, "reserved");
    const releases: (() => void)[] = [];
    const release = () => {
      for (const each of releases) each();
    };
    try {
      releases.push(await this.#shared.use(admission.runtimeAddress, admission.runtimePort));
      const sockets = new Set<Socket>();
      const session = this.#parts.createSession(admission);
      const invocations = await Listener.open(admission.invocationAddress, admission.invocationPort, (socket) =>
        this.#onInvocationConnection(socket, place, session),
      );
      releases.push(() => invocations.close());
      const admitted: Admitted = { admission, session, sockets, key, release };
      this.#byKey.set(key, admitted);
      return admitted;
    } catch (error) {
      this.#byKey.delete(key);
      release();
      throw new AdmissionError("cannot-listen", error instanceof Error ? error.message : String(error));
    }
  }

  #onRuntimeConnection(socket: Socket, place: string): void {
    const address = plain(socket.remoteAddress);
    const found = this.#byKey.get(keyOf(place, address)) ?? this.#byKey.get(keyOf(place, ""));
    if (found === undefined || found === "reserved") {
      this.#parts.onStranger(address);
      this.#refuse(socket);
      return;
    }
    if (found.sockets.size >= mostConnectionsPerWorker) {
      socket.destroy();
      return;
    }
    found.sockets.add(socket);
    socket.once("close", () => found.sockets.delete(socket));
    this.#sessions.set(socket, found.session);
    this.#parts.runtimeServer.emit("connection", socket);
  }

  #refuse(socket: Socket): void {
    if (this.#strangers >= mostStrangers) {
      socket.destroy();
      return;
    }
    this.#strangers++;
    // Not the socket's own timeout: whoever goes on sending would stay for ever.
    const timer = setTimeout(() => socket.destroy(), strangerWithinMs);
    socket.once("close", () => {
      this.#strangers--;
      clearTimeout(timer);
    });
    socket.end(forbidden);
    socket.resume();
  }

  #onInvocationConnection(socket: Socket, place: string, session: WorkerSession): void {
    // The firewall keeps workers away from here; a worker that got through would invoke others.
    if (this.#byKey.has(keyOf(place, plain(socket.remoteAddress)))) {
      socket.destroy();
      return;
    }
    this.#sessions.set(socket, session);
    this.#parts.invocationServer.emit("connection", socket);
  }
}

const forbiddenBody = '{"errorMessage":"This address is no worker\'s","errorType":"Forbidden"}';
const forbidden = `HTTP/1.1 403 Forbidden\r\ncontent-type: application/json\r\ncontent-length: ${forbiddenBody.length}\r\nconnection: close\r\n\r\n${forbiddenBody}`;

function keyOf(place: string, sourceAddress: string | undefined): string {
  return sourceAddress === undefined || sourceAddress === "" ? place : `${sourceAddress} at ${place}`;
}

/** IPv4 as such, also where a socket of both families reports it. */
function plain(address: string | undefined): string | undefined {
  return address?.startsWith("::ffff:") ? address.slice("::ffff:".length) : address;
}

/** What a session knows of the admission. */
export function toWorker(admission: Admission) {
  return {
    workerId: admission.workerId,
    instanceId: admission.instanceId,
    functionName: admission.functionName,
    functionVersion: admission.functionVersion || "$LATEST",
    functionArn: admission.functionArn,
    handler: admission.handler,
    timeoutMs: admission.timeoutMs,
    memoryMib: admission.memoryMib,
    initTimeoutMs: admission.initTimeoutMs || defaultInitTimeoutMs,
    extensions: admission.extensions,
    accountId: admission.accountId,
  };
}
