import assert from "node:assert/strict";
import { test } from "node:test";
import { apiRequest, readV1, readV2 } from "../testing/api-requests.ts";

const cases: [query: string, values: [key: string, values: string[]][]][] = [
  ["a=1", [["a", ["1"]]]],
  [
    "a=1&b=2&a=3",
    [
      ["a", ["1", "3"]],
      ["b", ["2"]],
    ],
  ],
  ["a=", [["a", [""]]]],
  ["a", [["a", [""]]]],
  ["a&a=", [["a", ["", ""]]]],
  ["=x", [["", ["x"]]]],
  ["a=b=c", [["a", ["b=c"]]]],
  ["&&a=1&", [["a", ["1"]]]],
  ["a=b+c%20d%2Be", [["a", ["b c d+e"]]]],
  [
    "a%5B%5D=%C3%A9&na%C3%AFve=1",
    [
      ["a[]", ["é"]],
      ["naïve", ["1"]],
    ],
  ],
  ["a=%26%3D%23%3F", [["a", ["&=#?"]]]],
  [
    "a=%&b=%zz&c=%2",
    [
      ["a", ["%"]],
      ["b", ["%zz"]],
      ["c", ["%2"]],
    ],
  ],
  ["a=%ff%C3%A9", [["a", ["\ufffdé"]]]],
  ["a=%C3%A9%zz", [["a", ["é%zz"]]]],
  ["a=%00%0d%0a", [["a", ["\0\r\n"]]]],
  [
    "__proto__=1&constructor=2&__proto__=3",
    [
      ["__proto__", ["1", "3"]],
      ["constructor", ["2"]],
    ],
  ],
];
for (const [rawQuery, values] of cases) {
  test(`G5: the query ?${rawQuery}`, () => {
    const request = apiRequest({ rawQuery });
    const event = readV1(request);
    assert.deepEqual(event.multiValueQueryStringParameters, Object.fromEntries(values));
    assert.deepEqual(event.queryStringParameters, Object.fromEntries(values.map(([key, all]) => [key, all.at(-1)])));
    const joined = Object.fromEntries(values.map(([key, all]) => [key, all.join(",")]));
    assert.deepEqual(readV2(request).queryStringParameters, joined);
    assert.equal(readV2(request).rawQueryString, rawQuery);
  });
}

for (const rawQuery of ["", "&", "&&"]) {
  test(`G5: the query ?${rawQuery} has no parameters`, () => {
    const event = readV1(apiRequest({ rawQuery }));
    assert.equal(event.queryStringParameters, null);
    assert.equal(event.multiValueQueryStringParameters, null);
    assert.ok(!("queryStringParameters" in readV2(apiRequest({ rawQuery }))));
  });
}
