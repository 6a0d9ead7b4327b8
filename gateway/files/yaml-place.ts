import { type Document, isMap, isNode, isScalar } from "yaml";

/** Where a value stands, or its key where the key is at fault; of what is missing, where it is missing from. */
export function offsetOf(document: Document, path: readonly string[], wantKey = false): number {
  let node: unknown = document.contents;
  let offset = isNode(node) ? (node.range?.[0] ?? 0) : 0;
  for (const [index, step] of path.entries()) {
    if (isMap(node)) {
      const pair = node.items.find((item) => String(isScalar(item.key) ? item.key.value : item.key) === step);
      if (pair === undefined) return offset;
      const value = isNode(pair.value) ? pair.value : undefined;
      const key = isNode(pair.key) ? pair.key : undefined;
      const last = index === path.length - 1;
      offset = (last && !wantKey ? value?.range?.[0] : undefined) ?? key?.range?.[0] ?? offset;
      node = pair.value;
    } else {
      const item = document.getIn(path.slice(0, index + 1), true);
      if (!isNode(item)) return offset;
      offset = item.range?.[0] ?? offset;
      node = item;
    }
  }
  return offset;
}
