import type { WireRequest } from "./client.ts";

/** Below `/<application>/v1` or `/v2`. */
export interface NamedRequest extends WireRequest {
  readonly name: string;
  /** The application itself may refuse it. */
  readonly mayFail?: boolean;
}

const boundary = "esb-boundary-1234567890";
const everyByte = Buffer.from(Array.from({ length: 1024 }, (_, index) => index % 256));
const typed = (type: string): [string, string] => ["Content-Type", type];
/** Without it, some compress and some do not. */
const plain: [string, string] = ["Accept-Encoding", "identity"];
const preflight: [string, string][] = [
  ["Origin", "https://shop.example"],
  ["Access-Control-Request-Method", "GET"],
  ["Access-Control-Request-Headers", "x-token"],
];

/** A form as browsers send it: two values of one field, text in UTF-8, a file of all bytes. */
const upload = Buffer.concat([
  part('name="title"', "grüß dich"),
  part('name="tags[]"', "a"),
  part('name="tags[]"', "b, c"),
  part('name="photo"; filename="a b+c.png"\r\nContent-Type: image/png', everyByte),
  part('name="note"; filename="note.txt"\r\nContent-Type: text/plain', "мир\n"),
  Buffer.from(`--${boundary}--\r\n`),
]);

function part(disposition: string, content: string | Buffer): Buffer {
  const head = `--${boundary}\r\nContent-Disposition: form-data; ${disposition}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), Buffer.from(content), Buffer.from("\r\n")]);
}

function get(name: string, path: string, ...headers: [string, string][]): NamedRequest {
  return { name, method: "GET", path, headers: [plain, ...headers] };
}

function post(name: string, path: string, type: string, body: string | Buffer): NamedRequest {
  return { name, method: "POST", path, headers: [plain, typed(type)], body: Buffer.from(body) };
}

function mayFail(request: NamedRequest): NamedRequest {
  return { ...request, mayFail: true };
}

const json = "application/json";

export const requests: readonly NamedRequest[] = [
  get("cookies", "/cookies", ["Cookie", "session=abc%20def; theme=dark"]),
  get("cookies, none", "/cookies"),
  get("query", "/query?a=1&a=2&b=x&a=3"),
  get("query, empty values", "/query?empty=&flag&x=1"),
  get("query, encoded", "/query?plus=a+b&sign=1%2B1&and=%26%3D%23&text=%C3%A9%F0%9F%8C%8D&b%20c=d%2Fe&percent=100%25"),
  get("query, commas", "/query?list=a%2Cb&list=c,d"),
  get("query, brackets", "/query?f[a]=1&f[b]=2&l[]=1&l[]=2"),
  get("query, only a mark", "/query?"),
  get("query, percent signs alone", "/query?p=100%&q=%zz&r=%"),
  get("query, empty pairs", "/query?&a=1&&b=2&"),
  get("path parameter", "/items/42"),
  mayFail(get("path, slash at the end", "/items/42/")),
  mayFail(get("path, two slashes", "//items//42")),
  mayFail(get("path, dots", "/items/./../items/42")),
  get("path parameter, encoded", "/items/a%20b%2Bc"),
  get("path parameter, UTF-8", "/items/%C3%A9%F0%9F%8C%8D"),
  get("path parameter, slash", "/items/a%2Fb"),
  get("path parameter, percent", "/items/100%25"),
  get("path parameter, twice encoded", "/items/a%2520b"),
  get("path parameter, marks", "/items/a+b:c@d,e;f=g&h!(i)*'~"),
  get("path parameter, question mark and hash", "/items/a%3Fb%23c"),
  ...["PUT", "PATCH", "DELETE"].map((method) => ({ ...post(`method ${method}`, "/items/7", json, "{}"), method })),
  post("JSON as its bytes", "/exact", json, '{ "n": 12345678901234567890.10, "e": 1e400, "s": "\\u00e9é\\u0000" }\n'),
  post("JSON, large numbers", "/json", json, '{"n":9007199254740993,"list":[1.50,-0,1e21],"text":"é🌍"}'),
  post("JSON, charset", "/json", `${json}; charset=utf-8`, '{"a":{"b":[null,true]}}'),
  post("form", "/form", "application/x-www-form-urlencoded", "a=1&a=2&b=x+y&c=%C3%A9%26&d="),
  post("upload", "/upload", `multipart/form-data; boundary=${boundary}`, upload),
  post("bytes", "/bytes", "application/octet-stream", everyByte),
  post("bytes, as text that is no UTF-8", "/bytes", "text/plain", Buffer.from([0x67, 0x72, 0xfc, 0xdf, 0])),
  post("bytes, four megabytes", "/bytes", "image/x-raw", Buffer.alloc(4 * 2 ** 20, everyByte)),
  { ...post("bytes in chunks", "/bytes", "image/x-raw", everyByte), chunked: true },
  get("image", "/image", ["Accept", "image/png,*/*"]),
  get("image, whatever is accepted", "/image"),
  { ...get("HEAD of an image", "/image"), method: "HEAD" },
  get("text", "/text"),
  { ...get("HEAD of a text", "/text"), method: "HEAD" },
  get("text that has not changed", "/text", ["If-None-Match", "*"]),
  get("not compressed", "/story"),
  { ...get("compressed", "/story"), headers: [["Accept-Encoding", "gzip"]] },
  get(
    "headers",
    "/headers",
    ["X-Single", "one, two"],
    ["User-Agent", "esb/1"],
    ["Accept-Language", "de"],
    ["X-Empty", ""],
  ),
  get("headers, repeated", "/headers", ["User-Agent", "esb/1"], ["X-Multi", "a"], ["x-multi", "b"], ["X-Multi", "c"]),
  get("GET from another origin", "/text", ...preflight),
  mayFail({ ...get("OPTIONS from another origin", "/text", ...preflight), method: "OPTIONS" }),
  mayFail({ ...get("OPTIONS that is no preflight", "/text"), method: "OPTIONS" }),
  get("client", "/client"),
  get("redirect", "/redirect"),
  { ...post("see other", "/see-other", json, "{}") },
  get("empty", "/empty"),
  mayFail(get("without a type", "/bare")),
  mayFail(get("error", "/error")),
  mayFail(get("error that is late", "/late-error")),
  mayFail(get("teapot", "/teapot")),
  mayFail(get("unauthorized", "/secret")),
  mayFail(get("not found", "/nothing/here")),
  mayFail(post("JSON that is none", "/json", json, '{"a":')),
];
