/** A media type without its parameters, in lower case; empty when there is none. @param header a Content-Type's value */
export function mediaTypeOf(header: string | undefined): string {
  return (header?.split(";", 1)[0] ?? "").trim().toLowerCase();
}

/**
 * The media type that API Gateway goes by when the client names several: the first
 * (docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-payload-encodings-workflow.html).
 * @param accept an Accept header's value
 */
export function firstAccepted(accept: string | undefined): string {
  return mediaTypeOf(accept?.split(",", 1)[0]);
}

/** Whether a REST API's binaryMediaTypes name this media type: itself, `type/*` or `*\/*`, which names even none. */
export function isListed(mediaType: string, listed: readonly string[]): boolean {
  return listed.some((entry) => {
    const wanted = entry.toLowerCase();
    return (
      wanted === "*/*" || wanted === mediaType || (wanted.endsWith("/*") && mediaType.startsWith(wanted.slice(0, -1)))
    );
  });
}

/**
 * Whether an HTTP API hands a body of this media type on as text. AWS only says that binary content goes as base64
 * (docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html); that it takes just
 * these for text, and neither forms nor `+json`, is what others measured (github.com/ministackorg/ministack/pull/766).
 */
export function isText(mediaType: string): boolean {
  return mediaType.startsWith("text/") || textTypes.has(mediaType);
}

const textTypes: ReadonlySet<string> = new Set(["application/json", "application/xml", "application/javascript"]);
