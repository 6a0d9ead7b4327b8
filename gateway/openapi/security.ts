import type { SettingValue } from "../../common/settings.ts";
import type { RouteAuth } from "../routing/definition.ts";
import type { SchemeName, Security } from "./model.ts";

/** How callers show who they are; Swagger UI puts the cursor into the last one. */
export const securitySchemes = {
  // As API Gateway's own exports have it
  // (docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions-authtype.html).
  sigv4: {
    type: "apiKey",
    in: "header",
    name: "Authorization",
    "x-amazon-apigateway-authtype": "awsSigv4",
    description: "AWS Signature Version 4, as SDKs make it.",
  },
  apiKey: { type: "apiKey", in: "header", name: "x-api-key" },
  token: {
    type: "http",
    scheme: "bearer",
    bearerFormat: "JWT",
    description: "The IdToken of `POST /user/auth/ver1.0`, or a token of the issuer that esb is set up with.",
  },
} as const satisfies Record<SchemeName, object>;

const nobody: Security = [];

export const securityOfRoutes: Readonly<Record<RouteAuth, Security>> = {
  jwt: [{ token: [] }],
  "api-key": [{ apiKey: [] }],
  none: nobody,
};

/** Who may call Lambda's API; undefined: no client. */
export function securityOfLambda(mode: SettingValue<"ESB_LAMBDA_AUTH">, development: boolean): Security | undefined {
  const known: Security = [{ token: [] }, { apiKey: [] }, { sigv4: [] }];
  switch (mode) {
    case "off":
      return undefined;
    case "open":
      return nobody;
    case "auto":
      return development ? [{}, ...known] : known;
    case "required":
      return known;
  }
}
