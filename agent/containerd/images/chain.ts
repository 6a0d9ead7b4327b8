import { digestOf } from "./digest.ts";

/**
 * Chain ids of an image's layers, lowest first: each names a layer together with all below it, and is the key of that
 * snapshot in containerd (OCI image spec, config.md, "Layer ChainID").
 */
export function chainIds(diffIds: readonly string[]): string[] {
  const chain: string[] = [];
  for (const diffId of diffIds) {
    const below = chain.at(-1);
    chain.push(below === undefined ? diffId : digestOf(Buffer.from(`${below} ${diffId}`)));
  }
  return chain;
}
