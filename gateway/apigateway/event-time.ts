const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

/**
 * The Common Log Format's time, as `$context.requestTime` has it: `12/Mar/2020:19:03:58 +0000`
 * (docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html).
 * @param ms milliseconds since 1970
 */
export function logTime(ms: number): string {
  const time = new Date(ms);
  return `${two(time.getUTCDate())}/${months[time.getUTCMonth()]}/${time.getUTCFullYear()}:${clock(time)} +0000`;
}

/**
 * The time of a Cognito token's `iat` and `exp` as REST APIs write them: `Thu Dec 06 17:08:23 UTC 2018`.
 * @param seconds since 1970
 */
export function claimTime(seconds: number): string {
  const time = new Date(seconds * 1000);
  return `${days[time.getUTCDay()]} ${months[time.getUTCMonth()]} ${two(time.getUTCDate())} ${clock(time)} UTC ${time.getUTCFullYear()}`;
}

function clock(time: Date): string {
  return `${two(time.getUTCHours())}:${two(time.getUTCMinutes())}:${two(time.getUTCSeconds())}`;
}

function two(value: number): string {
  return value < 10 ? `0${value}` : String(value);
}
