import type { HeaderList } from "./request.ts";

/** The value of the last header of this name; undefined when there is none. @param lowerCaseName in lower case */
export function headerOf(headers: HeaderList, lowerCaseName: string): string | undefined {
  return headers.findLast(([name]) => isNamed(name, lowerCaseName))?.[1];
}

/** The values of all headers of this name, in their order. @param lowerCaseName in lower case */
export function headersOf(headers: HeaderList, lowerCaseName: string): string[] {
  return headers.filter(([name]) => isNamed(name, lowerCaseName)).map(([, value]) => value);
}

function isNamed(name: string, lowerCaseName: string): boolean {
  return name.length === lowerCaseName.length && name.toLowerCase() === lowerCaseName;
}
