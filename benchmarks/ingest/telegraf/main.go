// Telegraf with only the plugins that the benchmark uses: all of them take many minutes to compile.
package main

import (
	"context"
	"log"
	"os"
	"os/signal"
	"syscall"

	"github.com/influxdata/telegraf/agent"
	"github.com/influxdata/telegraf/config"
	_ "github.com/influxdata/telegraf/plugins/inputs/mqtt_consumer"
	_ "github.com/influxdata/telegraf/plugins/outputs/postgresql"
	_ "github.com/influxdata/telegraf/plugins/outputs/sql"
	_ "github.com/influxdata/telegraf/plugins/parsers/json_v2"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	settings := config.NewConfig()
	if err := settings.LoadAll(os.Args[1:]...); err != nil {
		log.Fatal(err)
	}
	if err := agent.NewAgent(settings).Run(ctx); err != nil {
		log.Fatal(err)
	}
}
