declare module "dynalite" {
  import type { Server } from "node:http";

  /** A DynamoDB that keeps everything in memory, unless told a path; not listening yet. */
  export default function dynalite(options: { readonly createTableMs?: number }): Server;
}
