import { sdkClient } from "./clients/sdk.ts";
import { invokeSuite, withClient } from "./suite.ts";

/** The AWS SDK for JavaScript, unmodified. */
invokeSuite(
  "@aws-sdk/client-lambda",
  withClient(async (url) => sdkClient(url)),
);
