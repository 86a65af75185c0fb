//! Saves five customers and reads them back page by page. Replaces a rejected token.

use std::error::Error;

use reqwest::Method;
use reqwest::blocking::{Client, Response};
use serde_json::{Value, json};

const SHOP: &str = "https://api.yotpo.com/core/v3/stores/shop";

struct Shop {
    client: Client,
    token: String,
}

impl Shop {
    fn log_in(&mut self) -> Result<(), Box<dyn Error>> {
        let issued = self.send(Method::POST, "access_tokens", &json!({"secret": "s3cret"}))?;
        let issued: Value = issued.error_for_status()?.json()?;
        self.token = issued["access_token"].as_str().ok_or("no token")?.to_owned();
        Ok(())
    }

    fn call(&mut self, method: Method, path: &str, body: Value) -> Result<Value, Box<dyn Error>> {
        let mut response = self.send(method.clone(), path, &body)?;
        if [401, 403].contains(&response.status().as_u16()) {
            self.log_in()?;
            response = self.send(method, path, &body)?;
        }
        Ok(response.error_for_status()?.json()?)
    }

    fn send(&self, method: Method, path: &str, body: &Value) -> reqwest::Result<Response> {
        let request = self.client.request(method, format!("{SHOP}/{path}"));
        request.header("X-Yotpo-Token", &self.token).json(body).send()
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut shop = Shop { client: Client::new(), token: String::new() };
    shop.log_in()?;
    for n in 1..=5 {
        let customer = json!({"external_id": format!("c-{n}"), "first_name": "Ann"});
        shop.call(Method::PATCH, "customers", json!({"customer": customer}))?;
    }
    let mut ids = Vec::new();
    let mut query = Some("limit=1".to_owned());
    while let Some(filter) = query {
        let page = shop.call(Method::GET, &format!("customers?{filter}"), Value::Null)?;
        let customers = page["customers"].as_array().ok_or("no customers")?;
        ids.extend(customers.iter().map(|customer| customer["external_id"].to_string()));
        let following = page["pagination"]["next_page_info"].as_str();
        query = following.map(|following| format!("page_info={following}"));
    }
    println!("read {}", ids.join(" ").replace('"', ""));
    Ok(())
}
