// What a program writes with the generated types; it only has to compile.
import createClient from "openapi-fetch";

import type { components, paths as Control } from "./control.d.ts";
import type { components as CustomersComponents, paths as Customers } from "./customers.d.ts";

type Schemas = components["schemas"];

const yotpo = createClient<Customers>({ baseUrl: "http://127.0.0.1:4600", headers: { "X-Yotpo-Token": "any" } });
const mock = createClient<Control>({ baseUrl: "http://127.0.0.1:4600" });
const path = { store_id: "shop" };

const customer = { external_id: "c-1", accepts_sms_marketing: true, custom_properties: { shoe_size: "43" } };
await yotpo.PATCH("/core/v3/stores/{store_id}/customers", { params: { path }, body: { customer } });
const { data, error } = await yotpo.GET("/core/v3/stores/{store_id}/customers", { params: { path } });
const emails: (string | null)[] | undefined = data?.customers.map((found) => found.email);
const problem: CustomersComponents["schemas"]["Errors"] | undefined = error;

const match = { operation: "retrieveCustomers", query: { limit: "1" }, headers: { "user-agent": "a" } } as const;
await mock.POST("/_mock/faults", { body: { match, status: 503, times: 1 } });
await mock.POST("/_mock/requests/verify", { body: { ...match, count: 1 } });
// @ts-expect-error: a misspelt key does not compile.
const misspelt: Schemas["FaultSpec"] = { statsu: 503 };
console.log(emails, problem, misspelt);
