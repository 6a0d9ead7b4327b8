import type { Method } from "../routing/definition.ts";

/** The parts of an OpenAPI 3.1 document that we use (spec.openapis.org/oas/v3.1.1.html). */

/** A JSON Schema of the draft 2020-12. */
export type Schema = boolean | Readonly<Record<string, unknown>>;

export interface Reference {
  readonly $ref: string;
}

/** By media type. */
export type Content = Readonly<Record<string, { readonly schema?: Schema; readonly examples?: Examples }>>;
export type Examples = Readonly<Record<string, { readonly value: unknown }>>;

export interface Header {
  readonly description?: string;
  readonly schema: Schema;
}

export interface Answer {
  readonly description: string;
  readonly headers?: Readonly<Record<string, Header>>;
  readonly content?: Content;
}

/** By status, or by class of status, such as `2XX`. */
export type Answers = Readonly<Record<string, Answer | Reference>>;

export interface Parameter extends Header {
  readonly name: string;
  readonly in: "path" | "query" | "header";
  readonly required?: boolean;
}

/** One of these is enough; an empty one stands for nobody in particular. */
export type Security = readonly Readonly<Partial<Record<SchemeName, readonly string[]>>>[];
export type SchemeName = "token" | "apiKey" | "sigv4";

export interface Operation {
  readonly tags: readonly string[];
  readonly summary?: string;
  readonly description?: string;
  readonly security: Security;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly required: boolean; readonly content: Content };
  readonly responses: Answers;
}

export type MethodKey = Lowercase<Method>;
export type PathItem = Partial<Record<MethodKey, Operation>> & { parameters?: readonly Parameter[] };
export type Paths = Record<string, PathItem>;

export interface OpenApiDocument {
  readonly openapi: "3.1.1";
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly tags: readonly { readonly name: string; readonly description?: string }[];
  readonly paths: Paths;
  readonly components: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}
