import type { TemplateSegment } from "./template.ts";

interface Node<T> {
  readonly children: Map<string, Node<T>>;
  parameter: Node<T> | undefined;
  /** At this path itself. */
  exact: T | undefined;
  /** At all paths below it. */
  greedy: T | undefined;
}

/** Return true to end the search. */
export type Visitor<T> = (found: T, depth: number) => boolean;

/**
 * Values at path templates. How long a search takes depends on the length of the path, not on how many templates there
 * are. Is only added to before the first search.
 */
export class TemplateTrie<T> {
  readonly #root: Node<T> = emptyNode();

  /** The value of a template's shape, made on first use. */
  at(segments: readonly TemplateSegment[], make: () => T): T {
    let node = this.#root;
    for (const segment of segments) {
      if (segment.kind === "greedy") {
        node.greedy ??= make();
        return node.greedy;
      }
      node = segment.kind === "static" ? child(node, segment.text) : parameterOf(node);
    }
    node.exact ??= make();
    return node.exact;
  }

  /**
   * Visits what matches, the most specific first: what matches to the end before what is greedy, as HTTP APIs document
   * it (http-api-develop-routes.html, routing API requests), then static before parameter from left to right.
   * @param segments decoded; an empty one is matched only by what is greedy
   */
  find(segments: readonly string[], visit: Visitor<T>): void {
    if (!visitExact(this.#root, segments, 0, visit)) visitGreedy(this.#root, segments, 0, visit);
  }
}

function emptyNode<T>(): Node<T> {
  return { children: new Map(), parameter: undefined, exact: undefined, greedy: undefined };
}

function child<T>(node: Node<T>, text: string): Node<T> {
  const found = node.children.get(text) ?? emptyNode<T>();
  node.children.set(text, found);
  return found;
}

function parameterOf<T>(node: Node<T>): Node<T> {
  node.parameter ??= emptyNode();
  return node.parameter;
}

function visitExact<T>(node: Node<T>, segments: readonly string[], depth: number, visit: Visitor<T>): boolean {
  const segment = segments[depth];
  if (segment === undefined) return node.exact !== undefined && visit(node.exact, depth);
  if (segment === "") return false;
  const next = node.children.get(segment);
  if (next !== undefined && visitExact(next, segments, depth + 1, visit)) return true;
  return node.parameter !== undefined && visitExact(node.parameter, segments, depth + 1, visit);
}

function visitGreedy<T>(node: Node<T>, segments: readonly string[], depth: number, visit: Visitor<T>): boolean {
  const segment = segments[depth];
  if (segment !== undefined && segment !== "") {
    const next = node.children.get(segment);
    if (next !== undefined && visitGreedy(next, segments, depth + 1, visit)) return true;
    if (node.parameter !== undefined && visitGreedy(node.parameter, segments, depth + 1, visit)) return true;
  }
  return node.greedy !== undefined && visit(node.greedy, depth);
}
