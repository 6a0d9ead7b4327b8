import { z } from "zod";
import { absolutePath } from "./schemas.ts";
import { setting } from "./setting.ts";

const serviceUrl = z.url({ protocol: /^https?$/, error: "must be a URL such as http://host.esb.internal:9000" });

const ownHost =
  "The host name host.esb.internal stands for this machine as workers reach it, and opens the port to them.";

/** Services like AWS's that functions are told of. */
export const servicesSettings = {
  ESB_S3_URL: setting(serviceUrl, {
    usedBy: ["agent"],
    description: `Where functions find S3 (AWS_ENDPOINT_URL_S3). ${ownHost}`,
  }),
  ESB_DYNAMODB_URL: setting(serviceUrl, {
    usedBy: ["agent"],
    description: `Where functions find DynamoDB (AWS_ENDPOINT_URL_DYNAMODB). ${ownHost}`,
  }),
  ESB_SERVICE_CREDENTIALS: setting(absolutePath, {
    usedBy: ["agent"],
    description:
      "File with `AWS_ACCESS_KEY_ID=` and `AWS_SECRET_ACCESS_KEY=`, with which functions sign what they ask of these services. Not set: each worker signs with a key of its own, which no service knows.",
  }),
} as const;
