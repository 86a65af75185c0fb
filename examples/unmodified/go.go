// Saves five customers and reads them back page by page. Replaces a rejected token.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"strings"
)

const shop = "https://api.yotpo.com/core/v3/stores/shop"

var token string

func send(method, path string, body, into interface{}) int {
	text, err := json.Marshal(body)
	if err != nil {
		log.Fatal(err)
	}
	request, err := http.NewRequest(method, shop+"/"+path, bytes.NewReader(text))
	if err != nil {
		log.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("X-Yotpo-Token", token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(into); err != nil {
		log.Fatal(err)
	}
	return response.StatusCode
}

func logIn() {
	var issued struct {
		AccessToken string `json:"access_token"`
	}
	if status := send("POST", "access_tokens", map[string]string{"secret": "s3cret"}, &issued); status != 200 {
		log.Fatal("no token: ", status)
	}
	token = issued.AccessToken
}

func call(method, path string, body, into interface{}) {
	status := send(method, path, body, into)
	if status == 401 || status == 403 {
		logIn()
		status = send(method, path, body, into)
	}
	if status != 200 {
		log.Fatal(method, " ", path, ": ", status)
	}
}

func main() {
	logIn()
	for n := 1; n <= 5; n++ {
		customer := map[string]string{"external_id": fmt.Sprintf("c-%d", n), "first_name": "Ann"}
		call("PATCH", "customers", map[string]interface{}{"customer": customer}, &struct{}{})
	}
	var ids []string
	for query := "limit=1"; query != ""; {
		var page struct {
			Customers []struct {
				ExternalID string `json:"external_id"`
			}
			Pagination struct {
				NextPageInfo string `json:"next_page_info"`
			}
		}
		call("GET", "customers?"+query, nil, &page)
		for _, customer := range page.Customers {
			ids = append(ids, customer.ExternalID)
		}
		query = ""
		if following := page.Pagination.NextPageInfo; following != "" {
			query = "page_info=" + following
		}
	}
	fmt.Println("read", strings.Join(ids, " "))
}
