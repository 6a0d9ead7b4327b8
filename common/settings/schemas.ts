import { isIP } from "node:net";
import ipaddr from "ipaddr.js";
import { z } from "zod";

/** What the tables of settings are made of. Each schema parses the text of an environment variable. */

/** Decimal digits only: `Number` would also take `0x50`, `1e3` and a space, which is 0. */
const number = z
  .string()
  .regex(/^-?\d+(\.\d+)?$/, "must be a number")
  .transform(Number);

/** A whole number; both bounds are allowed. */
export const whole = (least: number, most: number) =>
  number.pipe(
    z.number().refine((value) => Number.isInteger(value) && value >= least && value <= most, {
      message: `must be a whole number from ${least} to ${most}`,
    }),
  );

/** At most what Node's timers take. */
export const milliseconds = (least = 0) => whole(least, 2 ** 31 - 1);

/** More than none, up to a year; fractions are allowed. */
export const minutes = number.pipe(
  z.number().refine((value) => value > 0 && value <= 527_040, "must be more than 0 and at most 527040"),
);

const highestPort = 65_535;
const isPort = (text: string | undefined) => Number(text) >= 1 && Number(text) <= highestPort;

export const port = whole(1, highestPort);

/** 0: none. */
export const portOrNone = whole(0, highestPort);

/** `first-last`; both belong to the range. */
export const portRange = z.string().refine((text) => {
  const [, first, last] = /^(\d{1,5})-(\d{1,5})$/.exec(text) ?? [];
  return isPort(first) && isPort(last) && Number(first) <= Number(last);
}, "must be two ports, such as 20000-20999");

/** `host:port` or `unix:///path`, as the agent listens and the gateway dials. */
export const grpcAddress = z
  .string()
  .refine(
    (text) => /^unix:\/\/\/.+$/.test(text) || isPort(/^[^/\s]+:(\d{1,5})$/.exec(text)?.[1]),
    "must be host:port or unix:///path",
  );

export const absolutePath = z.string().regex(/^\//, "must be an absolute path");

/** Items separated by commas; spaces around them and empty ones are dropped. */
export const list = z.string().transform((text) =>
  text
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== ""),
);

export const addresses = list.refine(
  (items) => items.every((item) => isIP(item) !== 0),
  "must be IP addresses, separated by commas",
);

/** Ports, separated by commas. */
export const ports = list.pipe(z.array(port).min(1, "must be one port or more, separated by commas"));

/** What containerd takes as a name. */
export const identifier = z
  .string()
  .regex(/^[A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*$/, "must be letters and digits joined by single . _ or -");

/** Addresses and subnets (CIDR), IPv4 or IPv6. */
export const networks = list.refine(
  (items) => items.every((item) => isIP(item) !== 0 || ipaddr.isValidCIDR(item)),
  "must be IP addresses or subnets such as 10.0.0.0/8, separated by commas",
);
