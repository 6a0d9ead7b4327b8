import type { RoutingTable } from "../routing/definition.ts";
import { parseRouting } from "../routing/parse.ts";

/** A table of routes as `GET /users/{id}` or `GET /users/{id} 2.0`; each has a function of its own, `f0`, `f1` ... */
export function routingTable(routes: readonly string[], defaults: object = {}): RoutingTable {
  const entries = routes.map((text, index) => {
    const [method, path, payload = "1.0"] = text.split(" ");
    return { path, method, payload, function: `f${index}` };
  });
  const names = entries.map((entry) => entry.function);
  // JSON is YAML.
  const text = JSON.stringify({ defaults, routes: entries });
  return parseRouting(text, {
    path: "routing.yml",
    lookup: () => undefined,
    functions: { path: "functions.yml", names },
    missingForRoute: () => undefined,
  });
}

/** What a table finds, in one line: the route with its parameters, or which API says that there is none. */
export function found(table: RoutingTable, method: string, path: string): string {
  const result = table.match(method, path);
  if ("none" in result) return `none ${result.none.payload}`;
  const { route, pathParameters } = result.match;
  const methods = typeof route.methods === "string" ? route.methods : route.methods.join("|");
  const parameters = Object.entries(pathParameters).map(([name, value]) => ` ${name}=${value}`);
  return `${methods} ${route.path}${parameters.join("")}`;
}
