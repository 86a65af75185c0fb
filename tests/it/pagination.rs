//! Retrieving customers, page by page: contract, section 5.

use insta::assert_snapshot;
use serde_json::{Value, json};
use yotpo_mock::EmptyResult;

use crate::support::{Emulator, customers};

const SHOP: &str = include_str!("../data/shop.json");

/// A store with the customers `c-1`, `c-2` and so on.
fn with_customers(count: usize) -> Emulator {
    let customers: Vec<_> = (1..=count).map(|at| json!({"external_id": format!("c-{at}")})).collect();
    Emulator::seeded(&json!({"stores": [{"id": "shop", "customers": customers}]}).to_string())
}

/// Reads pages to the last one, each cursor put into the next query as `encode` says.
fn identifiers(emulator: &Emulator, first: &str, encode: impl Fn(&str) -> String) -> Vec<String> {
    let mut names = Vec::new();
    let mut page = emulator.get(&customers(first));
    loop {
        names.extend(page.identifiers());
        match page.next_page() {
            Some(cursor) => page = emulator.get(&customers(&format!("?page_info={}", encode(&cursor)))),
            None => return names,
        }
    }
}

fn as_it_came(cursor: &str) -> String {
    cursor.to_owned()
}

fn rules(emulator: &Emulator, query: &str) -> String {
    let response = emulator.get(&customers(query));
    assert_eq!(response.status() == 400, response.rule().is_some());
    response.rule().unwrap_or_default().to_owned()
}

#[test]
fn pages_are_in_the_order_of_creation() {
    let emulator = with_customers(250);
    let first = emulator.get(&customers(""));
    assert_eq!(first.identifiers().len(), 100);
    let expected: Vec<_> = (1..=250).map(|at| format!("c-{at}")).collect();
    assert_eq!(identifiers(&emulator, "", as_it_came), expected);
}

#[test]
fn a_varied_seed_is_paged_through_each_customer_once() {
    let emulator = Emulator::seeded(SHOP);
    let seed: Value = serde_json::from_str(SHOP).unwrap();
    let seeded = seed["stores"][0]["customers"].as_array().unwrap();
    assert!(seeded.len() >= 1000);
    let mut read = Vec::new();
    let mut page = emulator.get(&customers("?limit=97&include_custom_properties=true&expand=loyalty,reviews"));
    loop {
        read.extend(page.json()["customers"].as_array().unwrap().clone());
        match page.next_page() {
            Some(cursor) => page = emulator.get(&customers(&format!("?page_info={cursor}"))),
            None => break,
        }
    }
    assert_eq!(read.len(), seeded.len());
    for (read, seeded) in read.iter().zip(seeded) {
        for name in ["external_id", "email", "phone_number", "first_name", "tags", "gender", "accepts_sms_marketing"] {
            assert_eq!(read[name], seeded[name], "{name}");
        }
        for name in ["custom_properties", "loyalty", "yotpo_ugc"] {
            let keys = seeded[name].as_object().into_iter().flatten();
            for (key, value) in keys.filter(|(_, value)| !value.is_string()) {
                assert_eq!(&read[name][key], value, "{name}.{key}");
            }
        }
        assert_eq!(read["lists"].as_array().map(Vec::len), seeded["lists"].as_array().map(Vec::len));
    }
}

#[test]
fn the_limit_is_from_one_to_a_hundred_and_a_hundred_by_default() {
    let emulator = with_customers(101);
    assert_eq!(emulator.get(&customers("?limit=1")).identifiers().len(), 1);
    assert_eq!(emulator.get(&customers("?limit=100")).identifiers().len(), 100);
    assert_eq!(emulator.get(&customers("")).identifiers().len(), 100);
    assert_snapshot!(emulator.get(&customers("?limit=101")), @r#"
    400
    x-yotpo-mock-rule: query.limit.range
    {"errors":[{"message":"limit must be a whole number from 1 to 100 (got `101`)"}]}
    "#);
    for limit in ["0", "-1", "", "ten", "1.0", "%2B5", "%201", "99999999999999999999"] {
        assert_eq!(rules(&emulator, &format!("?limit={limit}")), "query.limit.range", "{limit}");
    }
}

#[test]
fn a_full_last_page_has_no_next_page() {
    let emulator = with_customers(4);
    assert_eq!(emulator.get(&customers("?limit=4")).next_page(), None);
    assert!(emulator.get(&customers("?limit=3")).next_page().is_some());
}

#[test]
fn a_cursor_is_percent_encoded_already_and_encoding_it_again_is_rejected() {
    let emulator = with_customers(250);
    for count in 1..=12 {
        let cursor = emulator.get(&customers(&format!("?limit={count}"))).next_page().unwrap();
        assert!(cursor.ends_with("%3D"), "{cursor}");
    }
    let as_it_came = identifiers(&emulator, "?limit=40", as_it_came);
    assert_eq!(identifiers(&emulator, "?limit=40", |cursor| cursor.replace("%3D", "=")), as_it_came);
    assert_eq!(as_it_came.len(), 250);
    let cursor = emulator.get(&customers("")).next_page().unwrap();
    for (times, rule) in [(1, "cursor.encoded_twice"), (2, "cursor.invalid")] {
        let encoded = (0..times).fold(cursor.clone(), |cursor, _| cursor.replace('%', "%25"));
        assert_eq!(rules(&emulator, &format!("?page_info={encoded}")), rule);
    }
    assert_snapshot!(emulator.get(&customers(&format!("?page_info={}", cursor.replace('%', "%25")))), @r#"
    400
    x-yotpo-mock-rule: cursor.encoded_twice
    {
      "errors":[
        {
          "message":"page_info is percent-encoded twice: next_page_info is already encoded, so send it unchanged"
        }
      ]
    }
    "#);
}

#[test]
fn a_cursor_contains_filters_limit_include_and_expand() {
    let emulator = Emulator::seeded(
        &json!({"stores": [{"id": "shop", "customers": [
            {"external_id": "c-1", "email": "family@example.com", "custom_properties": {"club": "gold"}},
            {"external_id": "c-2", "email": "other@example.com"},
            {"external_id": "c-3", "email": "Family@example.com", "loyalty": {"points_balance": 7}},
            {"external_id": "c-4", "email": "family@example.com"}
        ]}]})
        .to_string(),
    );
    let first =
        emulator.get(&customers("?email=family%40example.com&limit=1&include_custom_properties=true&expand=loyalty"));
    assert_snapshot!(first.customers(), @r#"custom_properties: {"club":"gold"}, email: "family@example.com", external_id: "c-1""#);
    let second = emulator.get(&customers(&format!("?page_info={}", first.next_page().unwrap())));
    assert_eq!(second.identifiers(), ["c-3"]);
    assert_eq!(second.json()["customers"][0]["loyalty"]["points_balance"], 7);
    assert_eq!(second.json()["customers"][0]["custom_properties"], json!({}));
    let third = emulator.get(&customers(&format!("?page_info={}&limit=100", second.next_page().unwrap())));
    assert_eq!(
        (third.identifiers(), third.notes()),
        (vec!["c-4".to_owned()], Vec::<&str>::new()),
        "the limit may change on the way"
    );
}

#[test]
fn filters_beside_a_cursor_are_rejected() {
    let emulator = with_customers(3);
    let cursor = emulator.get(&customers("?limit=1")).next_page().unwrap();
    let query = format!("?page_info={cursor}&email=zed%40example.com&phone_number=%2B1&external_ids=c-1");
    assert_snapshot!(emulator.get(&customers(&query)), @r#"
    400
    x-yotpo-mock-rule: query.page_info.filter
    {
      "errors":[
        {"message":"email must not be given beside page_info, whose cursor includes it"},
        {"message":"phone_number must not be given beside page_info, whose cursor includes it"},
        {"message":"external_ids must not be given beside page_info, whose cursor includes it"}
      ]
    }
    "#);
    assert_eq!(rules(&emulator, &format!("?email=&page_info={cursor}")), "query.page_info.filter");
}

#[test]
fn an_empty_cursor_requests_the_first_page() {
    let emulator = with_customers(3);
    for query in ["?page_info=", "?page_info=null", "?page_info"] {
        let response = emulator.get(&customers(query));
        assert_eq!(
            (response.identifiers(), response.notes()),
            (emulator.get(&customers("")).identifiers(), vec!["cursor.empty"]),
            "{query}"
        );
    }
    let response = emulator.get(&customers("?page_info=&external_ids=c-2"));
    assert_eq!((&*response.identifiers(), &*response.notes()), (&["c-2".to_owned()][..], &["cursor.empty"][..]));
    assert_eq!(rules(&emulator, "?page_info=%20"), "cursor.invalid");
}

#[test]
fn filter_values_that_look_like_mistakes_are_noted() {
    let emulator = with_customers(3);
    for (query, expected, notes) in [
        ("?external_ids=c-1&external_ids=c-2", vec!["c-2"], vec!["query.repeated_parameter"]),
        ("?expand=loyalty&expand=reviews&limit=1", vec!["c-1"], vec!["query.repeated_parameter"]),
        ("?external_ids=c-1,%20c-2", vec!["c-1"], vec!["query.untrimmed_id"]),
        ("?external_ids[]=c-1", vec!["c-1", "c-2", "c-3"], vec!["query.unknown_parameter"]),
        ("?email=user+tag@example.com", vec![], vec!["query.space_in_email"]),
    ] {
        let response = emulator.request("GET", &customers(query)).nonconforming().send();
        assert_eq!(
            (response.identifiers(), response.notes()),
            (expected.into_iter().map(str::to_owned).collect(), notes),
            "{query}"
        );
    }
}

#[test]
fn other_parameters_beside_a_cursor_are_tolerated_and_noted() {
    let emulator = with_customers(3);
    let cursor = emulator.get(&customers("?limit=1")).next_page().unwrap();
    let query = format!("?page_info={cursor}&expand=loyalty&include_custom_properties=maybe");
    let response = emulator.request("GET", &customers(&query)).nonconforming().send();
    assert_snapshot!(response.notes().join(" "), @"cursor.extra_parameters");
    assert_eq!(response.identifiers(), ["c-2"]);
    let token = emulator.token("shop", "x").json()["access_token"].as_str().unwrap().to_owned();
    let beside_a_token =
        emulator.anonymous("GET", &customers(&format!("?page_info={cursor}&access_token={token}"))).send();
    assert_eq!(beside_a_token.notes(), [""; 0]);
}

#[test]
fn an_unknown_altered_foreign_or_old_cursor_is_rejected() {
    let emulator = with_customers(3);
    let cursor = emulator.get(&customers("?limit=1")).next_page().unwrap();
    assert_snapshot!(emulator.get(&customers("?page_info=made-up")), @r#"
    400
    x-yotpo-mock-rule: cursor.invalid
    {"errors":[{"message":"page_info is not a cursor of this store, or is older than its last reset"}]}
    "#);
    let altered = cursor.replacen(|letter: char| letter.is_ascii_lowercase(), "A", 1);
    for wrong in
        [&altered, &cursor[1..], &cursor[..cursor.len() - 7], &format!("{cursor}{cursor}"), "%3D", "%00", "%ff%25"]
    {
        assert_eq!(emulator.get(&customers(&format!("?page_info={wrong}"))).status(), 400, "{wrong}");
    }
    let path = format!("/core/v3/stores/other/customers?page_info={cursor}");
    let foreign = emulator.anonymous("GET", &path).token("any").send();
    assert_eq!(foreign.rule(), Some("cursor.invalid"));
    emulator.mock.reset();
    assert_eq!(rules(&emulator, &format!("?page_info={cursor}")), "cursor.invalid", "one from before a reset");
}

#[test]
fn filters_find_by_email_phone_number_and_external_ids() {
    let emulator = Emulator::new();
    emulator.upsert(json!({"external_id": "c-1", "email": "Ann@example.com", "phone_number": "+14155552671"}));
    emulator.upsert(json!({"external_id": "c-2", "email": "ann@example.com", "phone_number": "+14155552672"}));
    emulator.upsert(json!({"external_id": "c-3", "phone_number": "+14155552671"}));
    let find = |query: &str| emulator.get(&customers(query)).identifiers().join(" ");
    assert_eq!(find("?email=ANN%40example.com"), "c-1 c-2");
    assert_eq!(find("?phone_number=%2B14155552671"), "c-1 c-3");
    assert_eq!(find("?external_ids=c-3,unknown,c-1,c-3"), "c-1 c-3");
    assert_eq!(find("?email=nobody%40example.com"), "");
    assert_eq!(find("?email=not-an-address"), "", "a malformed email just finds nothing");
    assert_eq!(find("?phone_number=12"), "", "a malformed phone number just finds nothing");
    assert_eq!(find("?email=ann%40example.com&phone_number=%2B14155552671"), "c-1");
    assert_eq!(find("?email=ann%40example.com&external_ids=c-2,c-3"), "c-2");
    assert_eq!(find("?phone_number=%2B14155552671&external_ids=c-2"), "");
    assert_eq!(emulator.get(&customers("?email=a%40b.co&external_ids=c-2")).notes(), ["query.combined_filters"]);
}

#[test]
fn an_unescaped_plus_is_forgiven_and_noted() {
    let emulator = Emulator::new();
    emulator.upsert(json!({"phone_number": "+14155552671"}));
    let response = emulator.request("GET", &customers("?phone_number=+14155552671")).send();
    assert_eq!(
        (response.identifiers(), response.notes()),
        (vec!["+14155552671".to_owned()], vec!["query.unescaped_plus"])
    );
}

#[test]
fn optional_parts_are_returned_only_on_request() {
    let emulator = Emulator::seeded(SHOP);
    let keys = |query: &str| {
        let page = emulator.get(&customers(query)).json();
        let customer = page["customers"][0].as_object().unwrap().clone();
        let on_request = ["custom_properties", "loyalty", "yotpo_ugc"].into_iter();
        on_request.filter(|name| customer.contains_key(*name)).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(keys("?limit=1"), "");
    assert_eq!(keys("?limit=1&include_custom_properties=false"), "");
    assert_eq!(keys("?limit=1&include_custom_properties=true"), "custom_properties");
    assert_eq!(keys("?limit=1&expand=loyalty"), "loyalty");
    assert_eq!(keys("?limit=1&expand=reviews"), "yotpo_ugc");
    assert_eq!(
        keys("?limit=1&expand=reviews,loyalty&include_custom_properties=true"),
        "custom_properties loyalty yotpo_ugc"
    );
    assert_snapshot!(emulator.get(&customers("?limit=1&expand=loyalty,reviews&include_custom_properties=true")), @r#"
    200
    {
      "customers":[
        {
          "external_id":"1001",
          "email":"emma.johnson@example.com",
          "phone_number":"+14155552671",
          "first_name":"Emma",
          "last_name":"Johnson",
          "gender":"F",
          "account_created_at":"2021-03-27T04:37:34",
          "account_updated_at":"2023-08-29T16:30:07",
          "account_status":"enabled",
          "default_language":"en",
          "default_currency":"USD",
          "tags":"vip,summer_sale,repeat_buyer",
          "address":{
            "address1":"12 Harbour Street",
            "address2":"Flat 3",
            "city":"Austin",
            "company":null,
            "state":"Texas",
            "zip":"73301",
            "province_code":"TX",
            "country_code":"US",
            "phone_number":"+14155552671"
          },
          "accepts_sms_marketing":true,
          "accepts_email_marketing":true,
          "lists":[{"id":"123456","since":"2023-05-22T11:08:52"}],
          "channels":{
            "sms":{"marketing":{"consent":"subscribed","timestamp":"2021-09-05T17:50:45"}},
            "email":{"marketing":{"consent":"subscribed","timestamp":"2023-04-23T11:09:56"}}
          },
          "custom_properties":{
            "favourite_store":"Austin",
            "is_wholesale":false,
            "lifetime_value":1234.5,
            "shoe_size":38
          },
          "loyalty":{
            "points_balance":420,
            "points_earned":1250,
            "points_expire_date":"2024-12-31T00:00:00",
            "credit_balance":12.5,
            "has_store_account":true,
            "is_opt_in":true,
            "opt_in_date":"2021-04-01T09:00:00",
            "opt_out_date":null,
            "last_seen_at":"2023-08-29T16:30:07",
            "vip_tier_name":"Gold",
            "vip_entry_date":"2022-01-01T00:00:00",
            "vip_expiration_date":"2024-01-01T00:00:00",
            "total_redemptions":3,
            "total_points_redeemed":830,
            "successful_referrals":1,
            "referrals_made_and_clicked":4,
            "is_referred_by_other_customer":false,
            "referred_by_customer":null
          },
          "yotpo_ugc":{
            "total_reviews":7,
            "avg_product_rating":4.6,
            "avg_site_rating":5,
            "total_avg_rating":4.7,
            "sentiment_avg_product":0.82,
            "sentiment_avg_site":0.9,
            "total_avg_sentiment":0.84,
            "last_sentiment":0.77,
            "top_topics":["sizing","delivery"],
            "last_star_rating":5,
            "last_review_date":"2023-07-30T08:15:00"
          }
        }
      ],
      "pagination":{
        "next_page_info":"eyJzIjoic2hvcCIsImUiOjAsInIiOnsiaSI6eyJjdXN0b21fcHJvcGVydGllcyI6dHJ1ZSwibG95YWx0eSI6dHJ1ZSwicmV2aWV3cyI6dHJ1ZX0sImwiOjEsImEiOjF9fbhQOc_C71CEn_XpVIfKiF8%3D"
      }
    }
    "#);
}

#[test]
fn unknown_parameters_and_expansions_are_ignored_and_noted() {
    let emulator = with_customers(1);
    let response = emulator.request("GET", &customers("?colour=red&expand=loyalty,orders")).nonconforming().send();
    assert_eq!(
        (response.identifiers().len(), response.notes()),
        (1, vec!["query.unknown_parameter", "query.unknown_expand"])
    );
    assert!(response.json()["customers"][0].get("loyalty").is_some());
}

#[test]
fn the_last_of_a_repeated_parameter_wins() {
    let emulator = with_customers(3);
    let response = emulator.request("GET", &customers("?limit=0&limit=2")).nonconforming().send();
    assert_eq!((response.identifiers().len(), response.notes()), (2, vec!["query.repeated_parameter"]));
}

#[test]
fn all_empty_parameters_are_rejected_at_once() {
    let emulator = with_customers(1);
    assert_snapshot!(emulator.get(&customers("?email=&phone_number=&external_ids=,&include_custom_properties=yes&limit=0")), @r#"
    400
    x-yotpo-mock-rule: query.limit.range, query.email.empty, query.phone_number.empty, query.external_ids.empty, query.include_custom_properties.enum
    x-yotpo-mock-note: query.combined_filters: several filters were combined with AND
    {
      "errors":[
        {"message":"limit must be a whole number from 1 to 100 (got `0`)"},
        {"message":"email must not be empty"},
        {"message":"phone_number must not be empty"},
        {"message":"external_ids must name at least one id"},
        {"message":"include_custom_properties must be `true` or `false` (got `yes`)"}
      ]
    }
    "#);
    assert_eq!(rules(&emulator, "?email=%20"), "query.email.empty");
    assert_eq!(rules(&emulator, "?include_custom_properties="), "query.include_custom_properties.enum");
}

#[test]
fn nothing_found_is_an_empty_list_or_an_error() {
    assert_snapshot!(Emulator::new().get(&customers("?email=nobody%40example.com")), @r#"
    200
    {"customers":[],"pagination":{"next_page_info":null}}
    "#);
    let emulator = Emulator::with(|builder| builder.empty_result(EmptyResult::Error));
    assert_snapshot!(emulator.get(&customers("?email=nobody%40example.com")), @r#"
    400
    x-yotpo-mock-rule: customers.no_results
    {"errors":[{"message":"No results found"}]}
    "#);
}

#[test]
fn paging_neither_repeats_nor_skips_customers_that_exist_throughout() {
    let emulator = with_customers(30);
    let mut seen = Vec::new();
    let mut page = emulator.get(&customers("?limit=4"));
    for round in 0.. {
        seen.extend(page.identifiers());
        // Between two pages somebody new comes, and somebody old is written again.
        emulator.upsert(json!({"email": format!("new-{round}@example.com")}));
        emulator.upsert(json!({"external_id": format!("c-{}", 1 + round), "first_name": "Again"}));
        emulator.upsert(json!({"external_id": format!("late-{round}"), "email": format!("new-{round}@example.com")}));
        match page.next_page() {
            Some(cursor) => page = emulator.get(&customers(&format!("?page_info={cursor}"))),
            None => break,
        }
    }
    let all_along: Vec<_> = seen.iter().filter(|name| name.starts_with("c-")).cloned().collect();
    assert_eq!(all_along, (1..=30).map(|at| format!("c-{at}")).collect::<Vec<_>>());
    let mut once = seen.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!(once.len(), seen.len(), "no customer is repeated");
}

#[test]
fn a_customer_has_no_yotpo_id() {
    let emulator = with_customers(1);
    assert!(emulator.get(&customers("")).json()["customers"][0].get("id").is_none());
}

#[test]
fn head_is_handled_as_get() {
    let emulator = with_customers(1);
    let head = emulator.request("HEAD", &customers("")).send();
    assert_eq!(head.status(), 200);
    assert_eq!(emulator.anonymous("HEAD", &customers("")).send().status(), 401);
}

#[test]
fn a_long_list_of_ids_is_paged_through_and_a_longer_one_is_rejected() {
    let emulator = with_customers(150);
    let ids = |count: usize| (1..=count).map(|at| format!("c-{at}")).collect::<Vec<_>>().join(",");
    let read = identifiers(&emulator, &format!("?limit=60&external_ids={}", ids(4000)), as_it_came);
    assert_eq!(read.len(), 150);
    assert_eq!(rules(&emulator, &format!("?external_ids={}", ids(6000))), "query.external_ids.length");
}

#[test]
fn a_cursor_always_fits_into_a_query() {
    // Of what a query can hold, control characters take the most room in a cursor.
    let padding = |count: usize| "%01".repeat(count);
    let emulator = with_customers(2);
    let query = |count: usize| format!("?limit=1&external_ids=c-1,c-2,{}", padding(count));
    assert_eq!(identifiers(&emulator, &query(5400), as_it_came).len(), 2);
    assert_eq!(rules(&emulator, &query(5500)), "query.external_ids.length");
}

#[test]
fn filters_by_shared_email_and_phone_number_combine() {
    let customers_of: Vec<_> = (0..60)
        .map(|at| {
            json!({"external_id": format!("c-{at}"), "email": (at % 2 == 0).then_some("family@example.com"),
            "phone_number": (at % 3 == 0).then_some("+14155552671")})
        })
        .collect();
    let emulator = Emulator::seeded(&json!({"stores": [{"id": "shop", "customers": customers_of}]}).to_string());
    let both = identifiers(&emulator, "?email=family%40example.com&phone_number=%2B14155552671&limit=3", as_it_came);
    assert_eq!(both, (0..10).map(|at| format!("c-{}", 6 * at)).collect::<Vec<_>>());
}
