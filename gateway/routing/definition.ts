/** Methods that API Gateway knows. */
export const methods = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"] as const;
export type Method = (typeof methods)[number];

/** Shape of a function's event and answer: `1.0` as of REST APIs, `2.0` as of HTTP APIs. */
export type PayloadFormat = "1.0" | "2.0";

/** What a client must show. */
export type RouteAuth = "jwt" | "none" | "api-key";

/** What browsers are told of other origins' pages (fetch.spec.whatwg.org, CORS protocol). */
export interface Cors {
  /** Origins as browsers send them, or `*`; one may begin with `https://*.`. */
  readonly allowOrigins: readonly string[];
  readonly allowMethods: readonly (Method | "*")[];
  readonly allowHeaders: readonly string[];
  readonly exposeHeaders: readonly string[];
  readonly allowCredentials: boolean;
  readonly maxAgeSeconds: number | undefined;
}

/** What routes share, as a stage of an API does. */
export interface Stage {
  readonly name: string;
  readonly variables: Readonly<Record<string, string>>;
}

/** JSON Schemas by media type. */
export type BodySchemas = Readonly<Record<string, boolean | Readonly<Record<string, unknown>>>>;

/** What a route says of itself for the API document. */
export interface RouteDescription {
  readonly summary: string | undefined;
  readonly description: string | undefined;
  readonly tags: readonly string[];
  readonly request: BodySchemas | undefined;
  readonly response: BodySchemas | undefined;
}

/** A route as routing.yml describes it, defaults merged. */
export interface Route {
  /** As written: `/users/{id}`, `/shop/{proxy+}`. */
  readonly path: string;
  /** Of the path, as events of payload 1.0 name it. */
  readonly resourceId: string;
  readonly methods: readonly Method[] | "ANY";
  readonly functionName: string;
  readonly auth: RouteAuth;
  readonly payload: PayloadFormat;
  readonly cors: Cors | undefined;
  /** How long a client waits at most for the answer; the function's own timeout holds beside it. */
  readonly timeoutMs: number;
  readonly stage: Stage;
  /** Media types whose bodies go as base64 (payload 1.0); may contain `*`. */
  readonly binaryMediaTypes: readonly string[];
  readonly description: RouteDescription;
}

/** A route found for a request. */
export interface RouteMatch {
  readonly route: Route;
  /** Decoded; no keys where the template has no parameters. */
  readonly pathParameters: Readonly<Record<string, string>>;
}

/** No route was found: in which API's words to say it. */
export interface NoRoute {
  readonly payload: PayloadFormat;
  /** CORS of the routes at this path, or the defaults', for what API Gateway answers by itself. */
  readonly cors: Cors | undefined;
}

/** The routes that hold at one moment; never changes. */
export interface RoutingTable {
  /** In the order of the file. */
  readonly routes: readonly Route[];
  /** In whose words to answer what concerns no route, such as a path that is not valid. */
  readonly payload: PayloadFormat;
  /** The defaults', for what concerns no route and for esb's own paths. */
  readonly cors: Cors | undefined;
  /**
   * @param path as the client sent it: percent-encoded, without the query
   * @throws ApiError BAD_REQUEST when the path is not valid
   */
  match(method: string, path: string): { readonly match: RouteMatch } | { readonly none: NoRoute };
  /**
   * For a preflight: the CORS settings of the route that `method` would find at this path; where there is none, those of
   * the path's other routes, or the defaults'.
   * @throws ApiError BAD_REQUEST when the path is not valid
   */
  corsFor(method: string, path: string): Cors | undefined;
}
