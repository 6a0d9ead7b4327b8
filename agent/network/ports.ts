import { createServer } from "node:net";
import { ConfigurationError } from "../../common/environment.ts";

/** Ports from `first` to `last`, both included. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

/** Parses ESB_HOST_PORTS, such as `20000-20999`. @throws ConfigurationError */
export function parsePortRange(text: string): PortRange {
  const [, first, last] = (/^(\d{1,5})-(\d{1,5})$/.exec(text) ?? []).map(Number);
  if (first === undefined || last === undefined || first < 1 || last > 65_535 || first > last) {
    throw new ConfigurationError(`ESB_HOST_PORTS=${text}: must be two ports, the lower first, such as 20000-20999`);
  }
  return { first, last };
}

/** Every port of the range once, beginning at `start`: a port that was just given back is the last to be used again. */
export function portsFrom({ first, last }: PortRange, start: number): number[] {
  const count = last - first + 1;
  const offset = start >= first && start <= last ? start - first : 0;
  return Array.from({ length: count }, (_, index) => first + ((offset + index) % count));
}

/** Whether nobody listens on the port, on any of the host's addresses: tried by listening there for a moment. */
export function isPortFree(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const server = createServer();
  server.once("error", () => resolve(false));
  server.listen({ port, exclusive: true }, () => server.close(() => resolve(true)));
  return promise;
}
