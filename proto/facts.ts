/**
 * What proto files say on the wire, as comparable facts.
 *
 * Comparing declarations rather than files is what lets ours be a part of containerd's, in other
 * files and with other comments, and still be held to every number.
 */
import protobuf from "protobufjs";

/**
 * A name and all that matters about it to the wire: `containerd.types.Mount.source` is `2: string`,
 * `containerd.services.events.v1.Events/Subscribe` is `unary .a.Request -> stream .a.Response`.
 */
export type Facts = ReadonlyMap<string, string>;

/** Turns an import, as a file writes it, into a path to load; null leaves the import out. */
export type ResolveImport = (target: string) => string | null;

/** The facts of files on disk and all that they import. */
export function loadFacts(files: readonly string[], resolveImport: ResolveImport): Facts {
  const root = new protobuf.Root();
  root.resolvePath = (origin, target) => (origin === "" ? target : resolveImport(target));
  root.loadSync([...files], { keepCase: true });
  return factsOf(root);
}

/** The facts of one proto file without imports, given as text. */
export function parseFacts(source: string): Facts {
  const { root } = protobuf.parse(source, { keepCase: true });
  root.resolveAll();
  return factsOf(root);
}

/** Where `ours` says what `theirs` does not, a line each. What only `theirs` says is no matter. */
export function contradictions(ours: Facts, theirs: Facts): string[] {
  return [...ours].flatMap(([name, fact]) => {
    const official = theirs.get(name);
    if (official === fact) return [];
    return [`${name}: ours is "${fact}", containerd's is ${official === undefined ? "not there" : `"${official}"`}`];
  });
}

function factsOf(root: protobuf.Root): Facts {
  return new Map([...walk(root)].map(([name, fact]) => [name.replace(/^\./, ""), fact]));
}

function* walk(namespace: protobuf.NamespaceBase): Generator<[string, string]> {
  for (const child of namespace.nestedArray) {
    // The well-known types come with the tools, on both sides.
    if (child.fullName === ".google.protobuf") continue;
    if (child instanceof protobuf.Enum) yield* enumFacts(child);
    else if (child instanceof protobuf.Service) yield* serviceFacts(child);
    else if (child instanceof protobuf.Type) yield* messageFacts(child);
    if (child instanceof protobuf.Namespace) yield* walk(child);
  }
}

function* enumFacts(declared: protobuf.Enum): Generator<[string, string]> {
  yield [declared.fullName, "enum"];
  for (const [name, number] of Object.entries(declared.values)) yield [`${declared.fullName}.${name}`, String(number)];
}

function* serviceFacts(service: protobuf.Service): Generator<[string, string]> {
  yield [service.fullName, "service"];
  for (const method of service.methodsArray) {
    method.resolve();
    const request = flow(method.requestStream, method.resolvedRequestType);
    const response = flow(method.responseStream, method.resolvedResponseType);
    yield [`${service.fullName}/${method.name}`, `${request} -> ${response}`];
  }
}

function flow(stream: boolean | undefined, type: protobuf.Type | null): string {
  if (type === null) throw new Error("a method's type is not resolved");
  return `${stream ? "stream" : "unary"} ${type.fullName}`;
}

function* messageFacts(message: protobuf.Type): Generator<[string, string]> {
  yield [message.fullName, "message"];
  for (const field of message.fieldsArray) {
    field.resolve();
    yield [field.fullName, `${field.id}: ${label(field)}${typeName(field)}`];
  }
}

function label(field: protobuf.Field): string {
  if (field.partOf) return `oneof ${field.partOf.name} `;
  return field.repeated ? "repeated " : "";
}

function typeName(field: protobuf.Field): string {
  // An enum and a message of one name are encoded differently, so the name alone is not enough.
  const resolved = field.resolvedType;
  const kind = resolved instanceof protobuf.Enum ? "enum " : "";
  const name = kind + (resolved?.fullName ?? field.type);
  return field instanceof protobuf.MapField ? `map<${field.keyType}, ${name}>` : name;
}
